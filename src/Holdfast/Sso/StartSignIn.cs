using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Organizations;
using Holdfast.Protocols.OpenIdConnect;
using Holdfast.Protocols.Saml;
using Holdfast.Storage;

namespace Holdfast.Sso;

/// <summary>Begins a sign-in: finds the connection, and sends the browser to its identity provider. Writes nothing.</summary>
/// <remarks>RFC 6749 §4.1.1; SAML 2.0 Bindings §3.4; OpenID Connect Core 1.0 §3.1.2.1.</remarks>
internal sealed class StartSignIn(
    Database database, Connections connections, AuthorizationRequests requests, ProviderDocuments documents, FlowCookie cookie, Freshness freshness, RateLimits limits,
    SsoOptions options, Entropy entropy, TimeProvider clock, AttemptRing attempts)
{
    private const int MostRestarts = 2;

    public async Task<IResult> HandleAsync(HttpContext http)
    {
        var (request, refusal) = await requests.ReadAsync(http);
        return request is null ? refusal! : await BeginAsync(http, request);
    }

    /// <summary>Begins the sign-in of a request, by the connection that it selects.</summary>
    public async Task<IResult> BeginAsync(HttpContext http, AuthorizationRequest request)
    {
        if (request.Fault() is { } fault)
        {
            return request.Back(fault.Error, fault.Description);
        }
        var (connection, selectorFault) = Select(request);
        return connection is null
            ? request.Back(selectorFault!.Value.Error, selectorFault.Value.Description)
            : await BeginAsync(http, connection, request);
    }

    /// <summary>Begins the sign-in of a request, by this connection.</summary>
    public async Task<IResult> BeginAsync(HttpContext http, ReadyConnection connection, AuthorizationRequest request)
    {
        freshness.Require(request.EnvironmentId, connection.Connection.OrganizationId);
        var isAnew = request["prompt"] == "login";
        var (forProvider, providerFault) = connection.Settings.Oidc is null ? (null, null) : ForProvider.Read(request.Given, isAnew, connection.Connection.ConnectionType);
        if (providerFault is not null)
        {
            return request.Back("invalid_request", providerFault);
        }
        if (limits.Count(RateLimits.AuthorizePerConnection, connection.Connection.Id) is { } wait)
        {
            return SsoErrors.TooManySignIns(http, wait);
        }
        var flow = new Flow(
            "", request.EnvironmentId, request.ClientId, connection.Connection.Id, request.RedirectUri, request.State, request.CodeChallenge, request.LoginHint, null, null, null, default, 0);
        return await SendAsync(http, connection, flow with { ForcedAt = isAnew ? clock.GetUtcNow() : null, ForProvider = forProvider });
    }

    /// <summary>The one connection that people with this domain sign in by: of the organization that the domain is verified for. Null when there is none, or when nobody can say which.</summary>
    /// <summary>The one connection that people of an organization sign in by; null when there is none, or when nobody can say which.</summary>
    public ReadyConnection? FindByOrganization(string environmentId, string organizationId, string? domainHint) => SelectByOrganization(environmentId, organizationId, domainHint).Connection;

    /// <summary>Begins a flow again, for the same browser, when the node that alone could end it is gone, or cannot be reached.</summary>
    public async Task<IResult> AgainAsync(HttpContext http, ReadyConnection connection, Flow flow) => flow.Restarts >= MostRestarts
        ? SsoErrors.NoFlow(attempts.Remember(flow.ConnectionId, "FlowVoid", "the sign-in began again twice and its node was away each time"))
        : await SendAsync(http, connection, flow with { Restarts = flow.Restarts + 1 });

    /// <summary>Begins a flow in the place of what the identity provider began, when nobody can say that its assertion was not used (law 5).</summary>
    public Task<IResult> InsteadAsync(HttpContext http, ReadyConnection connection, string clientId, string redirectUri) => SendAsync(http, connection, new Flow(
        "", connection.Connection.EnvironmentId, clientId, connection.Connection.Id, redirectUri, null, null, null, null, null, null, default, 0));

    private async Task<IResult> SendAsync(HttpContext http, ReadyConnection connection, Flow flow)
    {
        var now = clock.GetUtcNow();
        flow = flow with { Id = Flow.NewId(database.Incarnation, now, entropy.Bytes(16)), ExpiresAt = now + options.FlowLifetime };
        string target;
        if (connection.Settings.Saml is { } saml)
        {
            flow = flow with { RequestId = AuthnRequest.NewId(entropy.Bytes(20)) };
            var subject = saml.LoginHintAsSubject ? AuthnRequest.SubjectOf(flow.LoginHint) : null;
            var signer = saml.SignRequests ? connection.SpKeys.Signer : null;
            if (saml.SsoByPost)
            {
                var post = AuthnRequest.PostForm(
                    saml.IdpSsoUrl, flow.RequestId, connection.Trust!.SpEntityId, connection.Trust.AcsUrl, flow.Id, now, forceAuthn: flow.ForcedAt is not null, signWith: signer, subject: subject);
                cookie.Write(http, flow, options.FlowLifetime);
                return PostOn.Of(PostOn.SigningIn, post);
            }
            target = AuthnRequest.RedirectUrl(
                saml.IdpSsoUrl, flow.RequestId, connection.Trust!.SpEntityId, connection.Trust.AcsUrl, flow.Id, now, forceAuthn: flow.ForcedAt is not null, signWith: signer,
                subject: subject).AbsoluteUri;
        }
        else
        {
            var oidc = connection.Settings.Oidc!;
            using var budget = new CancellationTokenSource(options.ProviderBudget, clock);
            if (await documents.FindAsync(connection, budget.Token, http.RequestAborted) is not { } provider)
            {
                return SsoErrors.ProviderAway(attempts.Remember(flow.ConnectionId, "ProviderDocumentsMissing", documents.WhyMissing(connection)));
            }
            var verifier = Pkce.Verifier(entropy.Bytes(32));
            flow = flow with { Nonce = Keys.Base64.Encode(entropy.Bytes(16)), Verifier = verifier };
            var known = connection.Provider;
            IEnumerable<KeyValuePair<string, string>> anew = flow.ForcedAt is null ? [] : [KeyValuePair.Create("prompt", "login"), KeyValuePair.Create("max_age", "0")];
            target = AuthenticationRequest.Url(
                provider.Metadata, oidc.ClientId, connection.Here.OidcCallback, oidc.Scopes.Concat(flow.ForProvider?.Scopes ?? []), flow.Id,
                known is { HasNonce: false } or { Plain: not null } ? null : flow.Nonce, known is { HasPkce: false } ? null : Pkce.Challenge(verifier), flow.LoginHint,
                anew.Concat(flow.ForProvider?.Parameters ?? new Dictionary<string, string>()), known is { AnswersByPost: true }).AbsoluteUri;
        }
        cookie.Write(http, flow, options.FlowLifetime);
        return new Back(target);
    }

    /// <summary>Exactly one of <c>connection</c>, <c>organization</c> and, as the elder way, a <c>domain</c> that is verified; another environment's are answered like none.</summary>
    private (ReadyConnection? Connection, (string Error, string Description)? Fault) Select(AuthorizationRequest asked)
    {
        var environmentId = asked.EnvironmentId;
        var selectors = new[] { asked["connection"], asked["organization"], asked["provider"] }.Count(s => s is not null);
        if (asked["domain"] is { } domain)
        {
            return selectors == 0
                ? SelectByDomain(environmentId, domain)
                : (null, ("domain_connection_selector_not_allowed", "A domain may not stand beside connection, organization or provider."));
        }
        if (selectors != 1)
        {
            return (null, selectors == 0
                ? ("invalid_connection_selector", "One of connection, organization and provider is needed.")
                : ("ambiguous_connection_selector", "Only one of connection, organization and provider may be given."));
        }
        if (asked["provider"] is { } type)
        {
            return SelectProvider(type, environmentId);
        }
        if (asked["connection"] is { } id)
        {
            return database.Read(view => ConnectionStore.Find(view, environmentId, id)) switch
            {
                null => (null, ("connection_invalid", "There is no such connection.")),
                { IsActive: false } => (null, ("connection_unlinked", "The connection is not active.")),
                var found => (connections.Ready(found), null),
            };
        }
        return SelectByOrganization(environmentId, asked["organization"]!, asked["domain_hint"]);
    }

    private (ReadyConnection? Connection, (string Error, string Description)? Fault) SelectByOrganization(string environmentId, string organizationId, string? domainHint)
    {
        var hint = OrganizationInput.Normalize(domainHint);
        var (exists, all, isTheirs) = database.Read(view => (
            OrganizationStore.Find(view, environmentId, organizationId) is not null,
            ConnectionStore.OfOrganization(view, environmentId, organizationId),
            hint is not null && OrganizationStore.OwnerOf(view, environmentId, hint) == organizationId));
        return !exists ? (null, ("organization_invalid", "There is no such organization."))
            : all.Count == 0 ? (null, ("organization_invalid", "The organization has no connection."))
            : SelectOne(all, isTheirs ? hint : null);
    }

    /// <summary>The connection of the organization that a domain is verified for. One that is only pending leads nowhere: anybody could have named it.</summary>
    private (ReadyConnection? Connection, (string Error, string Description)? Fault) SelectByDomain(string environmentId, string domain)
    {
        var name = OrganizationInput.Normalize(domain);
        var all = name is null ? [] : database.Read(view =>
            OrganizationStore.OwnerOf(view, environmentId, name) is { } owner ? ConnectionStore.OfOrganization(view, environmentId, owner) : []);
        return all.Count == 0 ? (null, ("connection_domain_invalid", "No organization with a connection has this domain.")) : SelectOne(all, name);
    }

    /// <summary>The one active connection of an organization; of several, the one for this domain, which is verified for it.</summary>
    private (ReadyConnection? Connection, (string Error, string Description)? Fault) SelectOne(List<Connection> all, string? domain)
    {
        var active = all.Where(c => c.IsActive).ToList();
        if (active.Count > 1 && domain is not null && active.Where(c => c.DomainNames.Contains(domain)).ToList() is [var meant])
        {
            active = [meant];
        }
        return active switch
        {
            [] => (null, ("connection_unlinked", "The organization's connection is not active.")),
            [var one] => (connections.Ready(one), null),
            _ => (null, ("ambiguous_connection_selector", "The organization has several active connections. Name one of them.")),
        };
    }

    /// <summary>The environment's own connection of a type; where it has none, the only one that an organization has.</summary>
    private (ReadyConnection? Connection, (string Error, string Description)? Fault) SelectProvider(string type, string environmentId)
    {
        var all = OAuthProvider.Of(type) is null ? [] : database.Read(view => ConnectionStore.OfType(view, environmentId, type));
        // One of its own that is switched off is not replaced by an organization's: everybody would be sent to that.
        var own = all.Where(c => c.OrganizationId is null).ToList();
        var active = (own.Count > 0 ? own : all).Where(c => c.IsActive).ToList();
        return (all.Count, active.Count) switch
        {
            (0, _) => (null, ("connection_strategy_invalid", "This environment has no such provider.")),
            (_, 0) => (null, ("connection_unlinked", "The provider's connection is not active.")),
            (_, 1) => (connections.Ready(active[0]), null),
            _ => (null, ("ambiguous_connection_selector", "There are several active connections of this provider. Name one of them.")),
        };
    }
}
