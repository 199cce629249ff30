namespace Holdfast.Http.Pages;

/// <summary>Endpoint metadata: people come here with a browser, and it is no part of the API's description.</summary>
public sealed record PageRoute
{
    public static PageRoute Yes { get; } = new();
}
