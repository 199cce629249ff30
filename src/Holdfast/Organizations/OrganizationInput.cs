using System.Globalization;
using Holdfast.Http;

namespace Holdfast.Organizations;

/// <summary>The body of creating and of changing an organization.</summary>
/// <param name="Domains">Deprecated in the public API in favour of <paramref name="DomainData"/>; these are pending.</param>
internal sealed record OrganizationInput(
    Given<string> Name, Given<bool?> AllowProfilesOutsideOrganization, Given<List<string?>> Domains, Given<List<OrganizationInput.DomainInput?>> DomainData,
    Given<Dictionary<string, string?>> Metadata, Given<string> ExternalId, Given<string> StripeCustomerId)
{
    public const int MostDomains = 100;
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
        return fields.Refusal ?? Http.Metadata.Check(Metadata.Value);
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
}
