namespace Holdfast.Flags.Sources;

/// <summary>A switch of Holdfast's own. The operator's provider may set it, for everybody or for some; without a word of it the default holds.</summary>
/// <param name="GoneBy">When it is to be out of the code: a switch that nobody takes out is a second mode (law 2). A test fails from then on.</param>
internal sealed record Switch(string Name, bool Default, DateOnly GoneBy);

/// <summary>All of them.</summary>
internal static class Switches
{
    private const string Ours = "holdfast.";

    /// <summary>Whether access tokens name the feature flags that are on.</summary>
    public static readonly Switch FlagsInTokens = new(Ours + "flags-in-tokens", Default: true, new DateOnly(2027, 12, 1));

    /// <summary>Whether the flags of the operator's provider stand in access tokens beside those of the API.</summary>
    public static readonly Switch ProviderFlagsInTokens = new(Ours + "provider-flags-in-tokens", Default: false, new DateOnly(2027, 12, 1));

    public static IReadOnlyList<Switch> All { get; } = [FlagsInTokens, ProviderFlagsInTokens];

    /// <summary>Whether a name is one of ours, known to this release or not.</summary>
    public static bool IsOurs(string name) => name.StartsWith(Ours, StringComparison.Ordinal);
}
