namespace Holdfast.Http.Pages;

/// <summary>Whose page it is, as people see it.</summary>
/// <param name="Name">Null for nobody's in particular.</param>
/// <param name="LogoPath">Of this server's own; null for the name alone.</param>
public sealed record Brand(string? Name, string? LogoPath, Accent Accent)
{
    public static Brand None { get; } = new(null, null, Accent.Default);
}
