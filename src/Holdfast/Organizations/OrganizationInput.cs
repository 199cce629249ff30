using System.Globalization;
using System.Text.Json;
using Holdfast.Http;

namespace Holdfast.Organizations;

/// <summary>The body of creating and of changing an organization.</summary>
/// <param name="Domains">Deprecated in the public API in favour of <paramref name="DomainData"/>; these are pending.</param>
internal sealed record OrganizationInput(
    Given<string> Name, Given<bool?> AllowProfilesOutsideOrganization, Given<List<string?>> Domains, Given<List<OrganizationInput.DomainInput?>> DomainData,
    Given<Dictionary<string, string?>> Metadata, Given<string> ExternalId, Given<string> StripeCustomerId)
{
    public const int MostDomains = 100;
    public const int MostMetadataKeys = 50;
    public const int LongestMetadataKey = 40;
    public const int LongestMetadataValue = 600;
    public const int LongestExternalId = 128;

    public sealed record DomainInput(Given<string> Domain, Given<string> State);

    /// <summary>What is wrong with it; null when nothing is. Domains come out in lower case and ASCII.</summary>
    public ApiAnswer? Check(bool isNew, out IReadOnlyList<(string Domain, string State)>? domains)
    {
        domains = null;
        var fields = new Fields();
        if (isNew || Name.Is)
        {
            fields.Required("name", Name);
        }
        if (ExternalId.Value is { } external)
        {
            if (external.Length == 0 || !external.All(char.IsAscii))
            {
                fields.Fault("external_id", external.Length == 0 ? "required" : "invalid_characters");
            }
            fields.Text("external_id", external, LongestExternalId);
        }
        fields.Optional("stripe_customer_id", StripeCustomerId, 255);
        if (DomainData.Value is { } data)
        {
            domains = Distinct(fields, "domain_data", data.Select(d => (d?.Domain.Value, d?.State.Value)));
        }
        else if (Domains.Value is { } names)
        {
            domains = Distinct(fields, "domains", names.Select(n => (n, (string?)"pending")));
        }
        return fields.Refusal ?? CheckMetadata();
    }

    private static List<(string, string)> Distinct(Fields fields, string field, IEnumerable<(string? Domain, string? State)> given)
    {
        var list = new List<(string, string)>();
        foreach (var (domain, state) in given)
        {
            if (list.Count >= MostDomains)
            {
                fields.Fault(field, "too_many");
                break;
            }
            var name = Normalize(domain);
            if (name is null || ConsumerDomains.Has(name))
            {
                fields.Fault($"{field}.domain", domain is null ? "required" : FaultOf(name)!);
            }
            else if (state is not ("pending" or "verified"))
            {
                fields.Fault($"{field}.state", state is null ? "required" : "invalid");
            }
            else if (!list.Any(d => d.Item1 == name))
            {
                list.Add((name, state));
            }
        }
        return list;
    }

    /// <summary>Why an organization cannot have a domain, which was normalized; null when it can.</summary>
    internal static string? FaultOf(string? domain) => domain is null ? "invalid_domain" : ConsumerDomains.Has(domain) ? "consumer_domain" : null;

    /// <summary>A domain name in lower case and ASCII (RFC 5891); null when it is none.</summary>
    internal static string? Normalize(string? domain)
    {
        if (domain is not { Length: > 0 and <= 253 } || domain.Any(c => char.IsControl(c) || char.IsWhiteSpace(c)))
        {
            return null;
        }
        try
        {
            var ascii = new IdnMapping { UseStd3AsciiRules = true }.GetAscii(domain).ToLowerInvariant();
            return ascii.Length <= 253 && ascii.Contains('.', StringComparison.Ordinal) && !ascii.EndsWith('.')
                && Uri.CheckHostName(ascii) == UriHostNameType.Dns ? ascii : null;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private ApiAnswer? CheckMetadata()
    {
        if (Metadata.Value is not { } metadata)
        {
            return null;
        }
        var isSound = metadata.Count <= MostMetadataKeys && metadata.All(m =>
            m.Key.Length is > 0 and <= LongestMetadataKey && (m.Value is null || m.Value.Length <= LongestMetadataValue)
            && new Fields() is var check && check.Text("key", m.Key) is not null && check.Text("value", m.Value ?? "") is not null && check.Refusal is null);
        return isSound ? null : InvalidMetadata;
    }

    public static ApiAnswer InvalidMetadata { get; } = ApiError.BadRequest("invalid_metadata",
        $"Metadata holds at most {MostMetadataKeys} keys of at most {LongestMetadataKey} characters, with values of at most {LongestMetadataValue}.");

    /// <summary>How many keys stored metadata has.</summary>
    public static int CountKeys(string? stored) => stored is null ? 0 : JsonSerializer.Deserialize<Dictionary<string, string>>(stored)!.Count;
}
