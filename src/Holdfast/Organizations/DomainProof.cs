using Holdfast.Http;

namespace Holdfast.Organizations;

/// <summary>What must stand in DNS so that a domain counts as an organization's: a TXT record that holds <paramref name="Token"/> at the name <c>PREFIX.DOMAIN</c>, or one that
/// holds <c>PREFIX=TOKEN</c> at the domain itself. It derives from the domain's id, so a record that stands already is good when the proof is looked for again.</summary>
internal sealed record DomainProof(string Prefix, string Token)
{
    /// <summary>How long a proof is looked for, as the public API documents it.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromDays(30);

    /// <summary>With an underscore: at services that let anybody register names, no host can be called so (RFC 8552 §1.1).</summary>
    private const string Name = "_holdfast-domain-verification-";
    private const int LongestName = 253;   // RFC 1035 §2.3.4, written out

    public static DomainProof Of(byte[] idKey, string domainId) => new(
        Name + Ids.Derived("", idKey, "organization_domain.prefix", domainId)[^6..].ToLowerInvariant(), Ids.Derived("", idKey, "organization_domain.token", domainId));

    /// <summary>Whether there is a name below the domain for the record to stand at.</summary>
    public static bool HasRoom(string domain) => Name.Length + 6 + 1 + domain.Length <= LongestName;

    /// <summary>The names where it may stand.</summary>
    public string[] Names(string domain) => [$"{Prefix}.{domain}", domain];

    /// <summary>Whether it is among the texts at these names; a text is compared whole, without the blanks around it.</summary>
    /// <param name="texts">In the order of <see cref="Names"/>; null where nobody could find out.</param>
    public bool Stands(IReadOnlyList<IReadOnlyList<string>?> texts)
    {
        var whole = $"{Prefix}={Token}";
        bool Holds(int place, params ReadOnlySpan<string> wanted)
        {
            foreach (var text in texts[place] ?? [])
            {
                if (wanted.Contains(text.Trim()))
                {
                    return true;
                }
            }
            return false;
        }
        return Holds(0, Token, whole) || Holds(1, whole);
    }
}
