namespace Holdfast.Dev;

/// <summary>The built-in test identity providers of <c>holdfast dev</c>: every route, one line each. They speak the real protocols, keep nothing,
/// and believe what is typed into their form; <c>serve</c> must never map them.</summary>
internal static class TestIdentityProviders
{
    /// <param name="publicUrl">What this Holdfast calls itself: an absolute URL.</param>
    public static void MapTestIdentityProviders(
        this IEndpointRouteBuilder routes, TestIdentityProviderKeys keys, string publicUrl, TimeProvider clock)
    {
        var own = new OwnAddress(publicUrl);
        var saml = new SamlTestProvider(keys, own, clock);
        var oidc = new OidcTestProvider(keys, own, clock);

        var pages = routes.MapGroup("").ExcludeFromDescription();
        pages.MapGet(TestPages.StylePath, TestPages.StyleAsync);

        pages.MapGet($"{SamlTestProvider.Path}/metadata", saml.MetadataAsync);
        pages.MapGet($"{SamlTestProvider.Path}/sso", saml.ShowAsync);
        pages.MapPost($"{SamlTestProvider.Path}/sso", saml.SignInAsync);

        pages.MapGet($"{OidcTestProvider.Path}/.well-known/openid-configuration", oidc.DiscoverAsync);
        pages.MapGet($"{OidcTestProvider.Path}/jwks", oidc.KeysAsync);
        pages.MapGet($"{OidcTestProvider.Path}/authorize", oidc.ShowAsync);
        pages.MapPost($"{OidcTestProvider.Path}/authorize", oidc.SignInAsync);
        pages.MapPost($"{OidcTestProvider.Path}/token", oidc.TokenAsync);
        pages.MapGet($"{OidcTestProvider.Path}/userinfo", oidc.UserInfoAsync);
    }
}
