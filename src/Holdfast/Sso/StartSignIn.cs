using System.Text;
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
    Database database, Connections connections, EnvironmentStore environments, RedirectUriStore redirectUris, ProviderDocuments documents, FlowCookie cookie,
    Freshness freshness, RateLimits limits, SsoOptions options, Entropy entropy, TimeProvider clock, AttemptRing attempts)
{
    private const int MostRestarts = 2;

    /// <summary>What AuthKit's authorization endpoint calls the same selectors.</summary>
    private static readonly Dictionary<string, string> s_ofAuthKit = new(StringComparer.Ordinal) { ["connection_id"] = "connection", ["organization_id"] = "organization" };

    /// <param name="byAuthKit">The request came to <c>/user_management/authorize</c>.</param>
    public async Task<IResult> HandleAsync(HttpContext http, bool byAuthKit = false)
    {
        var parameters = http.Request.Query.Select(p => p);
        if (HttpMethods.IsPost(http.Request.Method))
        {
            var (form, refusal) = await Forms.ReadAsync(http, Forms.MaxBytes);
            if (form is null)
            {
                return refusal!;
            }
            parameters = parameters.Concat(form);
        }
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, values) in parameters)
        {
            // Sent twice, two parsers would read two things (RFC 6749 §3.1). Lists are repeated by right.
            var isList = name is "provider_scopes" or "provider_scopes[]";
            var known = byAuthKit && s_ofAuthKit.TryGetValue(name, out var same) ? same : name;
            if (!(given.TryAdd(known, values.ToString()) && values.Count == 1) && !isList)
            {
                return SsoErrors.BadStart("invalid_request", "A parameter stands in it twice.");
            }
        }
        var asked = new Asked(given);
        if (asked["client_id"] is not { } clientId || environments.FindByClient(clientId) is not { } environmentId)
        {
            return SsoErrors.BadStart("invalid_client", "It names no application that we know.");
        }
        if (asked["redirect_uri"] is not { } redirectUri || !redirectUris.Allows(environmentId, redirectUri))
        {
            return SsoErrors.BadStart("invalid_redirect_uri", "It would end at an address that is not registered for the application.");
        }
        var state = asked["state"];
        if (state is not null && Encoding.UTF8.GetByteCount(state) > options.MaxStateBytes)
        {
            return SsoErrors.BadStart("invalid_request", $"Its state is longer than {options.MaxStateBytes} bytes.");
        }
        if (asked.Fault() is { } fault)
        {
            return SsoErrors.Back(redirectUri, state, fault.Error, fault.Description);
        }
        var (connection, selectorFault) = Select(asked, environmentId);
        if (connection is null)
        {
            return SsoErrors.Back(redirectUri, state, selectorFault!.Value.Error, selectorFault.Value.Description);
        }
        freshness.Require(environmentId, connection.Connection.OrganizationId);
        var (forProvider, providerFault) = connection.Settings.Oidc is null ? (null, null) : ForProvider.Read(given, asked["prompt"] == "login", connection.Connection.ConnectionType);
        if (providerFault is not null)
        {
            return SsoErrors.Back(redirectUri, state, "invalid_request", providerFault);
        }
        if (limits.Count(RateLimits.AuthorizePerConnection, connection.Connection.Id) is { } wait)
        {
            return SsoErrors.TooManySignIns(http, wait);
        }
        var flow = new Flow(
            "", environmentId, clientId, connection.Connection.Id, redirectUri, state, asked["code_challenge"], asked["login_hint"], null, null, null, default, 0);
        return await SendAsync(http, connection, flow with { ForcedAt = asked["prompt"] == "login" ? clock.GetUtcNow() : null, ForProvider = forProvider });
    }

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
            var signer = saml.SignRequests ? connection.SpKeys.Signer : null;
            if (saml.SsoByPost)
            {
                var post = AuthnRequest.PostForm(
                    saml.IdpSsoUrl, flow.RequestId, connection.Trust!.SpEntityId, connection.Trust.AcsUrl, flow.Id, now, forceAuthn: flow.ForcedAt is not null, signWith: signer);
                cookie.Write(http, flow, options.FlowLifetime);
                return PostOn.Of("Signing in", post);
            }
            target = AuthnRequest.RedirectUrl(
                saml.IdpSsoUrl, flow.RequestId, connection.Trust!.SpEntityId, connection.Trust.AcsUrl, flow.Id, now, forceAuthn: flow.ForcedAt is not null, signWith: signer).AbsoluteUri;
        }
        else
        {
            var oidc = connection.Settings.Oidc!;
            if (await documents.FindAsync(connection, http.RequestAborted) is not { } provider)
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
    private (ReadyConnection? Connection, (string Error, string Description)? Fault) Select(Asked asked, string environmentId)
    {
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
        var organizationId = asked["organization"]!;
        var hint = OrganizationInput.Normalize(asked["domain_hint"]);
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

    /// <summary>The parameters of the request; empty ones are as if they were not there.</summary>
    private sealed class Asked(Dictionary<string, string> given)
    {
        public string? this[string name] => given.TryGetValue(name, out var value) && value.Length > 0 ? value : null;

        public (string Error, string Description)? Fault()
        {
            if (this["response_type"] != "code")
            {
                return ("invalid_request", "response_type must be code.");
            }
            if (this["response_mode"] is not (null or "query"))
            {
                return ("invalid_request", "response_mode must be query.");
            }
            var (challenge, method) = (this["code_challenge"], this["code_challenge_method"]);
            if (challenge is null ? method is not null : method != "S256" || !Pkce.IsChallenge(challenge))
            {
                return ("invalid_request", "code_challenge must be 43 characters of base64url, and code_challenge_method S256.");
            }
            if (this["login_hint"] is { Length: > 512 } || this["domain_hint"] is { Length: > 253 } || this["prompt"] is not (null or "login"))
            {
                return ("invalid_request", "login_hint is at most 512 characters, domain_hint 253; prompt may be login.");
            }
            return null;
        }
    }
}
