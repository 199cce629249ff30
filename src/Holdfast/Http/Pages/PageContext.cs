namespace Holdfast.Http.Pages;

/// <summary>What every page knows.</summary>
/// <param name="Reference">What support can look up.</param>
public sealed record PageContext(Texts Texts, Brand Brand, string Reference)
{
    /// <param name="uiLocales">As the application asked; null for the browser's own preference.</param>
    public static PageContext Of(HttpContext http, Brand? brand = null, string? uiLocales = null, string? reference = null) =>
        new(Texts.For(http, uiLocales), brand ?? Brand.None, reference ?? http.TraceIdentifier);
}
