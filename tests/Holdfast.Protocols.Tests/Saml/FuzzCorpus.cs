using System.Text;
using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>What fuzzing starts from: every provider's shape, and every other message that a stranger can send.</summary>
internal static class FuzzCorpus
{
    /// <param name="Name">Told with a fault.</param>
    /// <param name="Fault">Breaks a message with these dice, gives it to what is under test, and says what is wrong with the verdict; null when nothing is.</param>
    public sealed record Target(string Name, Func<Dice, (string Message, string? Fault)> Fault);

    public static IReadOnlyList<Target> Targets { get; } =
    [
        .. ProviderShapes.All.SelectMany(Responses),
        .. Logouts(SamlBinding.Post), .. Logouts(SamlBinding.Redirect),
        Of("metadata", Metadata(), bytes => IdpMetadata.Read(bytes) is IdpMetadataVerdict.Refused { Why: SamlRefusal.Unexpected } refused ? refused.Detail : null),
        Of("AuthnRequest, posted", "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_1\" Version=\"2.0\" IssueInstant=\"2026-03-01T12:00:00Z\"><Issuer xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\">x</Issuer></samlp:AuthnRequest>",
            bytes => Request(AuthnRequest.Check(SamlBinding.Post, Convert.ToBase64String(bytes), null))),
        Of("AuthnRequest, deflated", RedirectTests.Deflated("<x/>"), bytes => Request(AuthnRequest.Read(Encoding.Latin1.GetString(bytes)))),
    ];

    private static string? Request(AuthnRequestRead read) => read is AuthnRequestRead.Refused { Why: SamlRefusal.Unexpected } refused ? refused.Detail : null;

    private static Target Of(string name, string original, Func<byte[], string?> fault)
    {
        var bytes = Encoding.UTF8.GetBytes(original);
        return new(name, dice =>
        {
            var broken = Mutation.Bytes(bytes, dice);
            return (Encoding.Latin1.GetString(broken), fault(broken));
        });
    }

    private static IEnumerable<Target> Responses(ProviderShape shape)
    {
        var trust = Sample.Trust with { IdpEntityId = shape.Issuer, AllowSha1 = shape.AllowSha1, DecryptionCertificates = [TestKeys.Sp] };
        var original = new ProviderMessage(shape).Build();
        var genuine = Sample.Accepts(original, trust);
        // Whatever a stranger does to it: the same person with the same attributes, or a refusal.
        string? Same(SamlVerdict verdict) => verdict switch
        {
            SamlVerdict.Accepted { Assertion: var a } when a.Id != genuine.Id || a.NameId != genuine.NameId || Attributes(a) != Attributes(genuine) => $"accepted as {a}",
            _ => Sound(verdict),
        };
        yield return Of(shape.Name + ", bytes", original, bytes => Same(Sample.Check(bytes, trust)));
        yield return new(shape.Name + ", structure", dice =>
        {
            var broken = Mutation.Structure(original, dice);
            return (broken, Same(Sample.Check(broken, trust)));
        });
        // Whatever the identity provider itself signs and encrypts: a verdict.
        yield return new(shape.Name + ", broken before it was signed", dice =>
        {
            var message = "";
            try
            {
                var plain = shape with { OnAssertion = false, OnResponse = true };
                message = new ProviderMessage(plain) { Inner = xml => Mutation.Structure(xml, dice) }.Build();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                return (message, null);   // what cannot be signed any more
            }
            return (message, Sound(Sample.Check(message, trust)));
        });
    }

    private static string Attributes(SamlAssertion assertion) =>
        string.Join(';', assertion.Attributes.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => a.Key + "=" + string.Join(',', a.Value)));

    private static string? Sound(SamlVerdict verdict) => verdict is SamlVerdict.Refused { Why: SamlRefusal.Unexpected } refused ? refused.Detail : null;

    private static IEnumerable<Target> Logouts(SamlBinding binding)
    {
        var request = LogoutSample.Carry(binding, LogoutSample.Request);
        var response = LogoutSample.Carry(binding, LogoutSample.Response);
        // A posted one is broken before base64.
        string Carried(byte[] bytes) => binding == SamlBinding.Post ? Convert.ToBase64String(bytes) : Encoding.Latin1.GetString(bytes);
        string Text(string carried) => binding == SamlBinding.Post ? Encoding.UTF8.GetString(Convert.FromBase64String(carried)) : carried;
        yield return Of($"LogoutRequest, {binding}", Text(request), bytes => LogoutSample.CheckRequest(binding, Carried(bytes)) switch
        {
            LogoutRequestVerdict.Accepted a when a.Id != "_lr1" || a.NameId != LogoutSample.Session.NameId || a.SessionIndexes is not ["_s1"] => $"accepted as {a}",
            LogoutRequestVerdict.Accepted { RelayState: not (null or "state") } a => $"accepted with {a.RelayState}",
            LogoutRequestVerdict.Refused { Why: SamlRefusal.Unexpected } refused => refused.Detail,
            _ => null,
        });
        yield return Of($"LogoutResponse, {binding}", Text(response), bytes => LogoutSample.CheckResponse(binding, Carried(bytes)) switch
        {
            LogoutResponseVerdict.Accepted a when a.Id != "_lr2" || a.Status != SamlLogoutStatus.Success => $"accepted as {a}",
            LogoutResponseVerdict.Refused { Why: SamlRefusal.Unexpected } refused => refused.Detail,
            _ => null,
        });
    }

    private static string Metadata() => SamlIssuer.Metadata(Sample.Idp, "https://idp.example/sso", TestKeys.Idp);
}
