using Holdfast.Http;
using Holdfast.Protocols.Saml;

namespace Holdfast.Sso;

/// <summary>Single Sign-On: every service and every route, one line each. Start reading here.</summary>
internal static class SsoEndpoints
{
    public static void AddSso(this IServiceCollection services)
    {
        services.AddSingleton<SsoOptions>().AddSingleton<SpKeys>().AddSingleton<SamlChecks>().AddSingleton<Connections>().AddSingleton<SignInStore>().AddSingleton<AttemptRing>().AddSingleton<FlowAttempts>().AddSingleton<ProfileToken>();
        services.AddSingleton(s => new FlowCookie(s.GetRequiredService<Keys.ClusterKeys>(), s.GetRequiredService<PublicAddress>().IsHttps));
        services.AddSingleton<CertificateChecks>().AddHostedService(s => s.GetRequiredService<CertificateChecks>());
        services.AddSingleton<ProviderDocuments>().AddHostedService(s => s.GetRequiredService<ProviderDocuments>());
        services.AddSingleton<RefreshMetadata>().AddHostedService(s => s.GetRequiredService<RefreshMetadata>());
        services.AddSingleton<AuthorizationRequests>().AddSingleton<StartSignIn>().AddSingleton<ResumeFlow>().AddSingleton<FinishSamlSignIn>().AddSingleton<AskProvider>().AddSingleton<FinishOidcSignIn>();
        services.AddSingleton<ToCodesAuthority>().AddSingleton<ExchangeCode>().AddSingleton<ReadProfile>();
        services.AddSingleton<ManageSamlKeys>();
        services.AddSingleton<ManageConnections>().AddSingleton<ManageAttempts>();
        services.AddSingleton<LogoutToken>().AddSingleton<AuthorizeLogout>().AddSingleton<StartLogout>().AddSingleton<AnswerSamlLogout>();
    }

    public static void MapSso(this IEndpointRouteBuilder routes)
    {
        var sso = routes.MapGroup("/sso").WithTags("Single Sign-On");
        sso.MapMethods("/authorize", ["GET", "POST"], (HttpContext http, StartSignIn start) => start.HandleAsync(http)).WithMetadata(Writes.Nothing, UnderDomains.Yes, new MostBytes(Forms.MaxBytes)).Produces(302);
        // The identity provider posts from its own site: RelayState and the flow's cookie do the work of an antiforgery token.
        sso.MapPost("/saml/acs/{connectionId}", (string connectionId, HttpContext http, FinishSamlSignIn finish) => finish.HandleAsync(connectionId, http))
            .WithMetadata(Writes.Fact, new MostBytes(FinishSamlSignIn.MaxBytes)).Produces(302);
        sso.MapGet("/saml/metadata/{connectionId}", ReadMetadata);
        // Some providers post their answer from their own site: state and the flow's cookie do the same work.
        sso.MapMethods("/oidc/callback/{connectionId}", ["GET", "POST"], (string connectionId, HttpContext http, FinishOidcSignIn finish) => finish.HandleAsync(connectionId, http))
            .WithMetadata(Writes.Fact, new MostBytes(FinishOidcSignIn.MaxBytes)).Produces(302);
        sso.MapGet("/oidc/jwks/{connectionId}", ReadClientKey);
        sso.MapPost("/token", (HttpContext http, ExchangeCode exchange) => exchange.HandleAsync(http)).WithMetadata(Writes.Fact, UnderDomains.Yes, OAuthParameters.Most).Produces<ExchangeCode.Body>();
        sso.MapGet("/profile", (HttpContext http, ReadProfile read) => read.Handle(http)).Produces<ProfileBody>();
        sso.MapPost("/logout/authorize", (HttpContext http, AuthorizeLogout logout) => logout.HandleAsync(http)).WithMetadata(ApiKeyRequired.Yes)
            .Accepts<AuthorizeLogout.Input>(JsonBody.AnyType).Produces<AuthorizeLogout.Body>().WithMetadata(Writes.Nothing);
        sso.MapGet("/logout", (HttpContext http, StartLogout logout) => logout.HandleAsync(http)).WithMetadata(Writes.Deny).Produces(302);
        // The identity provider sends the browser here with its own request, or with the answer to ours: the signature does the work of an antiforgery token.
        sso.MapMethods("/saml/slo/{connectionId}", ["GET", "POST"], (string connectionId, HttpContext http, AnswerSamlLogout logout) => logout.HandleAsync(connectionId, http))
            .WithMetadata(Writes.Deny, new MostBytes(FinishSamlSignIn.MaxBytes)).Produces(302);

        var connections = routes.MapGroup("/connections").WithTags("Connections").WithMetadata(ApiKeyRequired.Yes);
        connections.MapGet("", (HttpContext http, ManageConnections manage) => manage.List(http)).Produces<ListBody<ConnectionBody>>();
        connections.MapPost("", (HttpContext http, ManageConnections manage) => manage.CreateAsync(http))
            .Accepts<ConnectionInput>(JsonBody.AnyType).Produces<ConnectionBody>(201).WithMetadata(Writes.ToPrimary);
        connections.MapGet("/{id}", (string id, HttpContext http, ManageConnections manage) => manage.Get(id, http)).Produces<ConnectionBody>();
        connections.MapPut("/{id}", (string id, HttpContext http, ManageConnections manage) => manage.UpdateAsync(id, http))
            .Accepts<ConnectionInput>(JsonBody.AnyType).Produces<ConnectionBody>().WithMetadata(Writes.ToPrimaryOrDeny);
        connections.MapDelete("/{id}", (string id, HttpContext http, ManageConnections manage) => manage.DeleteAsync(id, http)).Produces(204).WithMetadata(Writes.Deny);
        connections.MapGet("/{id}/attempts", (string id, HttpContext http, ManageAttempts attempts) => attempts.List(id, http)).Produces<ListBody<AttemptBody>>();
        connections.MapGet("/{id}/attempts/{attemptId}", (string id, string attemptId, HttpContext http, ManageAttempts attempts) => attempts.Get(id, attemptId, http)).Produces<AttemptBody>();
        connections.MapPost("/{id}/attempts/{attemptId}/replay", (string id, string attemptId, HttpContext http, ManageAttempts attempts) => attempts.ReplayAsync(id, attemptId, http))
            .Accepts<EmptyInput>(isOptional: true, JsonBody.AnyType).Produces<AttemptBody>().WithMetadata(Writes.Nothing);
        MapSamlKeys(routes);
    }

    private static void MapSamlKeys(IEndpointRouteBuilder routes)
    {
        var keys = routes.MapGroup("/saml_keys").WithTags("Connections").WithMetadata(ApiKeyRequired.Yes);
        keys.MapGet("", (HttpContext http, ManageSamlKeys manage) => manage.List(http)).Produces<ListBody<ManageSamlKeys.Body>>();
        keys.MapPost("", (HttpContext http, ManageSamlKeys manage) => manage.CreateAsync(http))
            .Accepts<ManageSamlKeys.Input>(JsonBody.AnyType).Produces<ManageSamlKeys.Body>(201).WithMetadata(Writes.ToPrimary);
        keys.MapPost("/{id}/activate", (string id, HttpContext http, ManageSamlKeys manage) => manage.ActivateAsync(id, http))
            .Accepts<EmptyInput>(isOptional: true, JsonBody.AnyType).Produces<ManageSamlKeys.Body>().WithMetadata(Writes.ToPrimary);
        keys.MapDelete("/{id}", (string id, HttpContext http, ManageSamlKeys manage) => manage.DeleteAsync(id, http)).Produces(204).WithMetadata(Writes.Deny);
    }

    /// <summary>The connection's own key, as its provider loads it: what signs its client assertions (RFC 7517 §5).</summary>
    private static IResult ReadClientKey(string connectionId, HttpContext http, Connections connections)
    {
        if (connections.Find(connectionId) is not { Settings.Oidc.ClientKey: { } key })
        {
            return SsoErrors.NoConnection;
        }
        http.Response.Headers.CacheControl = "public, max-age=300";
        return Results.Text(key.ToJwks().ToJsonString(), "application/json; charset=utf-8");
    }

    /// <summary>What the identity provider's administrator loads (SAML 2.0 Metadata §2.4.4).</summary>
    private static IResult ReadMetadata(string connectionId, Connections connections, TimeProvider clock) =>
        connections.Find(connectionId) is { Trust: { } trust, Settings.Saml: { } saml, SpKeys: var ours }
            ? Results.Text(SpMetadata.Write(new SpDescription(trust.SpEntityId, trust.AcsUrl, clock.GetUtcNow().AddDays(7))
            {
                CacheDuration = TimeSpan.FromHours(1),
                WantAssertionsSigned = true,
                SigningCertificates = ours.Signing,
                AuthnRequestsSigned = saml.SignRequests,
                EncryptionCertificates = ours.Encrypting,
                SloUrl = trust.SloUrl,
            }), "application/samlmetadata+xml; charset=utf-8")
            : SsoErrors.NoConnection;
}
