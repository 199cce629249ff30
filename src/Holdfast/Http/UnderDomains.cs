namespace Holdfast.Http;

/// <summary>On a route without an API key: it is served under custom domains too, because it looks itself whether what it names is of the domain's environment, or names none. All others are not there.</summary>
internal sealed class UnderDomains
{
    private UnderDomains()
    {
    }

    public static UnderDomains Yes { get; } = new();
}
