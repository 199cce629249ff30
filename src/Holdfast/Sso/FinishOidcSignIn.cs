using System.Text.Json;
using Holdfast.Http;
using Holdfast.Protocols.OpenIdConnect;

namespace Holdfast.Sso;

/// <summary>Ends a sign-in by OpenID Connect or OAuth 2.0: has the provider say who signed in, then sends the browser back with a code of ours.</summary>
/// <remarks>OpenID Connect Core 1.0 §3.1.2.5 to §3.1.3.7; OAuth 2.0 Form Post Response Mode 1.0. The provider is the one far party that this waits for (law 1), inside a budget.</remarks>
internal sealed class FinishOidcSignIn(
    Connections connections, ProviderDocuments documents, AskProvider ask, SignInStore signIns, FlowCookie cookie, AttemptRing attempts, ResumeFlow resume, Ids ids,
    PublicAddress address, SsoOptions options, TimeProvider clock)
{
    /// <summary>The largest post that is read, in bytes.</summary>
    public const int MaxBytes = 64 * 1024;

    private const string Bounced = "holdfast_bounced";

    public async Task<IResult> HandleAsync(string connectionId, HttpContext http)
    {
        // Load.
        IEnumerable<KeyValuePair<string, Microsoft.Extensions.Primitives.StringValues>> parameters = http.Request.Query;
        if (HttpMethods.IsPost(http.Request.Method))
        {
            var (form, refusal) = await Forms.ReadAsync(http, MaxBytes);
            if (form is null)
            {
                return refusal!;
            }
            parameters = form;
        }
        var given = parameters.SelectMany(p => p.Value.Select(v => KeyValuePair.Create(p.Key, v ?? ""))).ToList();
        if (connections.Find(connectionId) is not { Settings.Oidc: { } oidc } connection)
        {
            return SsoErrors.NoConnection;
        }
        var state = given.FirstOrDefault(p => p.Key == "state").Value;
        if (cookie.Read(http, state, clock.GetUtcNow()) is not { Nonce: not null, Verifier: not null } flow || flow.ConnectionId != connectionId)
        {
            return HttpMethods.IsPost(http.Request.Method) && !address.IsHttps && given.All(p => p.Key != Bounced) && http.Request.Headers["Sec-Fetch-Site"] == "cross-site"
                // Over plain http a browser keeps the flow's cookie from a post of another site; posted again from our own page, it comes along.
                ? new PostOn(PostOn.SigningIn, null, given.Append(KeyValuePair.Create(Bounced, "1")))
                : SsoErrors.NoFlow(attempts.Remember(connectionId, "FlowNotFound", "this browser has no sign-in under way with that state"));
        }
        return await resume.EndAsync(http, connection, flow, () => EndAsync(http, connection, oidc, flow, given.Where(p => p.Key != Bounced)));
    }

    private async Task<IResult> EndAsync(HttpContext http, ReadyConnection connection, OidcSettings oidc, Flow flow, IEnumerable<KeyValuePair<string, string>> given)
    {
        var connectionId = connection.Connection.Id;
        using var budget = new CancellationTokenSource(options.ProviderBudget, clock);   // of all that this sign-in waits for its provider
        if (await documents.FindAsync(connection, budget.Token, http.RequestAborted) is not { } provider)
        {
            return SsoErrors.ProviderAway(attempts.Remember(connectionId, "ProviderDocumentsMissing", documents.WhyMissing(connection)));
        }
        var said = OidcSurface.Of(connection, oidc, provider) with { AnswerIssuer = given.FirstOrDefault(p => p.Key == "iss").Value is { Length: <= 300 } issuer ? issuer : null };
        switch (AuthenticationResponse.Check(given, flow.Id, provider.Metadata))
        {
            case AuthenticationResponseVerdict.Failed failed:
                var denied = attempts.Remember(connectionId, "ProviderRefused", $"{failed.Error}: {failed.Description}", said);
                return SsoErrors.Back(flow.RedirectUri, flow.State, "access_denied", $"The identity provider did not sign the person in. Reference {denied}.");
            case AuthenticationResponseVerdict.Refused refused:
                return SsoErrors.Refused(attempts.Remember(connectionId, $"Answer{refused.Why}", "the answer that the browser brought back", said));
            case AuthenticationResponseVerdict.Accepted { Code: var providerCode }:
                return await EndAsync(http, connection, oidc, provider, flow, providerCode, said, given.FirstOrDefault(p => p.Key == "user").Value, budget.Token);
            default:
                throw new InvalidOperationException("There is no such verdict.");
        }
    }

    private async Task<IResult> EndAsync(
        HttpContext http, ReadyConnection connection, OidcSettings oidc, ProviderDocuments.Provider provider, Flow flow, string providerCode, OidcSurface said, string? userField,
        CancellationToken budget)
    {
        var id = connection.Connection.Id;
        var answer = await ask.WhoAsync(connection, provider, flow, providerCode, said, budget, http.RequestAborted);
        if (answer is not ProviderAnswer.Identified identified)
        {
            var refused = (ProviderAnswer.Refused)answer;
            var reference = refused.IsProven
                ? await FailAsync(connection, flow, refused.Reason, refused.Detail, refused.Said)
                : attempts.Remember(id, refused.Reason, refused.Detail, refused.Said);
            return refused.IsAway ? SsoErrors.ProviderAway(reference) : SsoErrors.Refused(reference);
        }
        if (connection.Provider is { TellsNamesOnce: true })
        {
            AddNames(identified.Claims, userField);
        }
        var (who, incomplete) = Attributes.Of(identified.Subject, identified.Claims, oidc.AttributeMap);
        if (who is null)
        {
            return SsoErrors.Refused(await FailAsync(connection, flow, incomplete!, "the claims do not say who the person is", identified.Said));
        }
        who = who with { IsPartial = identified.IsPartial, KeepsNames = identified.IsPartial || connection.Provider is { TellsNamesOnce: true } };

        // Save, then answer.
        IReadOnlyList<string> notes = identified.IsPartial ? [AskProvider.UserInfoUnavailable] : [];
        var attempt = new SucceededAttempt(ids.New(Ids.Attempt), new AttemptFacts(null, notes, false, identified.Said));
        var (code, failure) = await signIns.CompleteAsync(connection.Connection, flow, who, attempt, saml: null);
        return failure == ProfileOutside.Reason ? SsoErrors.OutsideOrganization(flow, await FailAsync(connection, flow, failure, ProfileOutside.Detail, identified.Said, who.Email))
            : failure is not null && SignInStore.IsProven(failure)
            ? SsoErrors.Refused(await FailAsync(connection, flow, failure, "the connection or its application changed meanwhile", identified.Said, who.Email))
            : code is null ? SsoErrors.Refused(attempts.Remember(id, failure!, "the sign-in was used before", identified.Said))
            : new Back(SsoErrors.BackUrl(flow.RedirectUri, [("code", code), ("state", flow.State)]));
    }

    /// <summary>Remembers a sign-in that failed though the provider has proven who it was, and tells of it.</summary>
    private async Task<string> FailAsync(ReadyConnection connection, Flow flow, string reason, string detail, OidcSurface said, string? email = null)
    {
        await signIns.TellFailedAsync(connection.Connection, email, reason, detail, flow.Id);
        return attempts.Remember(connection.Connection.Id, reason, detail, said);
    }

    /// <summary>Names, as Apple's answer has them beside the code at a person's first sign-in. Nobody has signed them and the browser brings them, so of it nothing but names is taken.</summary>
    private static void AddNames(Dictionary<string, JsonElement> claims, string? userField)
    {
        if (userField is not { Length: > 0 and <= 4096 } || AccountDocument.Read(System.Text.Encoding.UTF8.GetBytes(userField)) is not { ValueKind: JsonValueKind.Object } user
            || !user.TryGetProperty("name", out var name) || name.ValueKind != JsonValueKind.Object)
        {
            return;
        }
        foreach (var (theirs, ours) in new[] { ("firstName", "given_name"), ("lastName", "family_name") })
        {
            if (name.TryGetProperty(theirs, out var text) && text.ValueKind == JsonValueKind.String && text.GetString() is { Length: > 0 and <= 256 })
            {
                claims.TryAdd(ours, text);
            }
        }
    }
}
