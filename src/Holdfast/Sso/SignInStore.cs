using System.Text.Json;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Protocols.Saml;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.Sso;

/// <summary>Every statement on profiles, codes and what was used: the facts of a sign-in (decision 0002).</summary>
internal sealed class SignInStore(Database database, EnvironmentStore environments, ClusterKeys keys, SsoOptions options, Entropy entropy, TimeProvider clock)
{
    /// <summary>Ends a flow: uses it up, and the assertion with it; makes or refreshes the profile; makes the code. All of it, or nothing.</summary>
    /// <param name="attempt">What is kept of it for the administrator.</param>
    /// <param name="saml">Null for OpenID Connect.</param>
    /// <returns>The code, or a stable code of refusal.</returns>
    public Task<(string? Code, string? Refusal)> CompleteAsync(Connection connection, Flow flow, Attributes who, SucceededAttempt attempt, SamlProof? saml)
    {
        var idKey = environments.IdKey(connection.EnvironmentId);
        var profileId = Ids.Derived(Ids.Profile, idKey, connection.Id, who.IdpId);
        var code = $"{database.Incarnation}.{Base64.Encode(entropy.Bytes(32))}";
        var (groups, raw) = (JsonSerializer.Serialize(who.Groups, JavaScriptJson.Options), JsonSerializer.Serialize(who.Raw, JavaScriptJson.Options));
        var assertionKey = saml is { IsSpent: false } ? AssertionKey(connection.Id, saml.AssertionId) : null;
        return database.RecordAsync<(string?, string?)>(view =>
        {
            var now = clock.GetUtcNow();
            var time = now.ToUnixTimeMilliseconds();
            if (flow.Authority != database.Incarnation || IsSpent(view, FlowKey(flow)))
            {
                return Decide.Nothing<(string?, string?)>((null, "FlowUsed"));
            }
            if (assertionKey is not null && IsSpent(view, assertionKey))
            {
                return Decide.Nothing<(string?, string?)>((null, "Replayed"));
            }
            if (ConnectionStore.Find(view, connection.EnvironmentId, connection.Id) is not { IsActive: true })
            {
                return Decide.Nothing<(string?, string?)>((null, "ConnectionInactive"));
            }
            if (ProfileOutside.Refuses(view, connection.EnvironmentId, connection.OrganizationId, who.Email))
            {
                return Decide.Nothing<(string?, string?)>((null, ProfileOutside.Reason));
            }
            if (!flow.IsHosted && !RedirectUriStore.Allows(view, connection.EnvironmentId, flow.RedirectUri))
            {
                return Decide.Nothing<(string?, string?)>((null, "RedirectUriWithdrawn"));
            }
            var changes = new List<Change>
            {
                Spend(FlowKey(flow), "sso_flow", connection.EnvironmentId, null, now, flow.ExpiresAt),
                Change.To(Schema.SsoCodes, Caller.Hash(code),
                    ("environment_id", connection.EnvironmentId), ("authority", database.Incarnation), ("client_id", flow.ClientId), ("connection_id", connection.Id),
                    ("profile_id", profileId), ("redirect_uri", flow.RedirectUri), ("code_challenge", flow.CodeChallenge), ("created_at", time),
                    ("expires_at", (now + options.CodeLifetime).ToUnixTimeMilliseconds())),
            };
            if (assertionKey is not null)
            {
                changes.Add(Spend(assertionKey, "saml_assertion", connection.EnvironmentId, null, now, saml!.Until + options.ClockSkew));
            }
            changes.Add(Change.To(Schema.SsoAttempts, attempt.Id,
                ("environment_id", connection.EnvironmentId), ("connection_id", connection.Id), ("profile_id", profileId),
                ("said", JsonSerializer.Serialize(attempt.Facts, JavaScriptJson.Options)), ("created_at", time),
                ("expires_at", (now + options.AttemptLifetime).ToUnixTimeMilliseconds())));
            if (saml?.Session is { } session)
            {
                changes.Add(SamlSessions.Begin(connection, profileId, Caller.Hash(code), session, saml.SessionEnd, keys, options, now));
            }
            changes.Add(SignInEvents.Succeeded(connection, who.Email, flow.Id, idKey, now));
            var held = view.Find<ProfileRow>($"SELECT {ProfileRow.Columns} FROM profiles WHERE id = @profileId", new { profileId });
            // What the provider could not be asked for stays as it was: groups decide about roles.
            var (heldGroups, heldRaw) = who.IsPartial && held is not null ? (who.Groups.Count > 0 ? groups : held.Groups, held.RawAttributes) : (groups, raw);
            var (firstName, lastName) = who.KeepsNames ? (who.FirstName ?? held?.FirstName, who.LastName ?? held?.LastName) : (who.FirstName, who.LastName);
            if (held is null)
            {
                changes.Add(Change.To(Schema.Profiles, profileId,
                    ("environment_id", connection.EnvironmentId), ("connection_id", connection.Id), ("organization_id", connection.OrganizationId),
                    ("connection_type", connection.ConnectionType), ("idp_id", who.IdpId), ("created_at", time)));
            }
            if (held is null || held.Email != who.Email || held.FirstName != firstName || held.LastName != lastName || held.Groups != heldGroups || held.RawAttributes != heldRaw)
            {
                changes.Add(Change.To(Schema.Profiles, profileId,
                    ("email", who.Email), ("first_name", firstName), ("last_name", lastName), ("groups", heldGroups), ("raw_attributes", heldRaw), ("updated_at", time)));
            }
            return new((code, null), changes);
        });
    }

    /// <summary>The code of somebody who has signed in at a hosted page, good for a session and for nothing else.</summary>
    /// <param name="to">Where it leads: what the code is bound to.</param>
    public static Change Mint(Act act, string code, (string ClientId, string RedirectUri, string? CodeChallenge) to, HostedSignIn signIn, TimeSpan lifetime) => Change.To(
        Schema.SsoCodes, Caller.Hash(code),
        ("environment_id", act.EnvironmentId), ("authority", act.Incarnation), ("client_id", to.ClientId), ("connection_id", null), ("profile_id", null), ("redirect_uri", to.RedirectUri),
        ("code_challenge", to.CodeChallenge), ("created_at", act.Time), ("expires_at", (act.Now + lifetime).ToUnixTimeMilliseconds()),
        ("user_id", signIn.Who.UserId), ("credential_id", signIn.Who.CredentialId), ("organization_id", signIn.Who.OrganizationId), ("method", signIn.Method), ("factor_id", signIn.Who.FactorId));

    /// <summary>Redeems a code, once. Whoever shows it with something wrong has used it up: it has leaked.</summary>
    /// <param name="request">What repeats of one request share; null when it carries no <c>Idempotency-Key</c>.</param>
    /// <param name="then">What comes of it, in the same decision; a repeat asks again.</param>
    /// <param name="keeps">Whether this answer is one: of one that is not, nothing is kept, and the code is as good as before. Null for always.</param>
    /// <param name="began">The session that an answer began: it ends when the code is shown again. Null for none.</param>
    /// <returns>What <paramref name="then"/> answers; null when the code is not redeemed.</returns>
    public Task<T?> RedeemAsync<T>(ShownCode shown, OAuthClients.Client client, string? request, Ids ids, Func<View, Redemption, Decision<T?>> then, Func<T?, bool>? keeps = null, Func<T, string?>? began = null)
        where T : class
    {
        var codeId = Caller.Hash(shown.Code);
        // Whoever knows a client id may send anything here: only a code that this node made is worth the writer's time.
        if (!Knows(shown))
        {
            return Task.FromResult<T?>(null);
        }
        return database.RecordAsync<T?>(view =>
        {
            var now = clock.GetUtcNow();
            var row = view.Find<CodeRow>(
                "SELECT environment_id AS EnvironmentId, authority AS Authority, client_id AS ClientId, connection_id AS ConnectionId, profile_id AS ProfileId, "
                + "redirect_uri AS RedirectUri, code_challenge AS CodeChallenge, expires_at AS ExpiresAt, user_id AS UserId, credential_id AS CredentialId, "
                + "organization_id AS OrganizationId, method AS Method, factor_id AS FactorId FROM sso_codes WHERE id = @codeId AND expires_at > @now",
                new { codeId, now = now.ToUnixTimeMilliseconds() });
            if (row is null || row.Authority != database.Incarnation)
            {
                return Decide.Nothing<T?>(null);
            }
            var redemption = row.EnvironmentId == client.EnvironmentId && row.ClientId == client.Id && (shown.RedirectUri is null || shown.RedirectUri == row.RedirectUri)
                && shown.Proves(row.CodeChallenge) && !Denied.Is(view, codeId)
                    ? row.Opens(view, codeId)
                    : null;
            var spent = view.Find<SpendRow>("SELECT id AS Id, request AS Request, session_id AS SessionId FROM spends WHERE id = @codeId", new { codeId });
            if (spent is not null)
            {
                return redemption is not null && request is not null && spent.Request == request
                    ? then(view, redemption)   // the same request again: its answer was lost
                    : Denied.Is(view, codeId)
                        ? Decide.Nothing<T?>(null)
                        : new(null, Replayed(codeId, spent, row.EnvironmentId, ids, now));   // the first one's token ends too
            }
            var (answer, changes) = redemption is null ? Decide.Nothing<T?>(null) : then(view, redemption);
            if (redemption is not null && keeps?.Invoke(answer) == false)
            {
                return Decide.Nothing(answer);
            }
            return new(answer, [.. changes, Spend(codeId, "sso_code", row.EnvironmentId, redemption is null ? null : request, now,
                DateTimeOffset.FromUnixTimeMilliseconds(row.ExpiresAt) + options.ProfileTokenLifetime, answer is null ? null : began?.Invoke(answer))]);
        });
    }

    /// <summary>Ends what a code was good for: it has leaked. The deny of the session is the one that a replayed refresh token makes.</summary>
    private List<Change> Replayed(string codeId, SpendRow spent, string environmentId, Ids ids, DateTimeOffset now)
    {
        List<Change> denies = [Denied.Because("replayed", codeId, environmentId, ids, now)];
        if (spent.SessionId is { } session)
        {
            denies.Add(Denied.Because("replayed", session, environmentId, Ids.Derived(Ids.Deny, environments.IdKey(environmentId), "replayed", session), now));
        }
        return denies;
    }

    /// <summary>Tells of a sign-in that failed though the identity provider has proven who it was about; of one proof and reason, once.</summary>
    public Task TellFailedAsync(Connection connection, string? email, string reason, string message, string proof)
    {
        var idKey = environments.IdKey(connection.EnvironmentId);
        return database.RecordAsync(_ => Decide.To(true, SignInEvents.Failed(connection, email, reason, message, proof, idKey, clock.GetUtcNow())));
    }

    /// <summary>Whether a failure is of something that the provider has proven, rather than of who brought it: what was used before is anybody's to bring again.</summary>
    public static bool IsProven(string failure) => failure is not ("FlowUsed" or "Replayed");

    /// <summary>Whether this node made a code like this one.</summary>
    public bool Knows(ShownCode shown) => !shown.IsTooLong
        && database.Read(view => view.Find<long>("SELECT count(*) FROM sso_codes WHERE id = @codeId AND authority = @Incarnation", new { codeId = Caller.Hash(shown.Code), database.Incarnation })) > 0;

    /// <summary>A profile, while its connection and organization stand and the code that it was got by was not replayed.</summary>
    public ProfileRow? FindProfile(string environmentId, string profileId, string codeId) => database.Read(view =>
        !Denied.Is(view, codeId) && FindProfile(view, profileId) is { } profile && profile.EnvironmentId == environmentId
        && ConnectionStore.Find(view, environmentId, profile.ConnectionId) is { IsActive: true }
            ? profile
            : null);

    /// <summary>A profile, whatever became of its connection.</summary>
    public static ProfileRow? FindProfile(View view, string id) => view.Find<ProfileRow>($"SELECT {ProfileRow.Columns} FROM profiles WHERE id = @id", new { id });

    /// <summary>What an assertion is used up under.</summary>
    public static string AssertionKey(string connectionId, string assertionId) => Caller.Hash($"{connectionId}\n{assertionId}");

    private static string FlowKey(Flow flow) => Caller.Hash("flow\n" + flow.Id);

    internal static bool IsSpent(View view, string id) => view.Find<long>("SELECT count(*) FROM spends WHERE id = @id", new { id }) > 0;

    internal static Change Spend(string id, string kind, string environmentId, string? request, DateTimeOffset now, DateTimeOffset until, string? session = null) => Change.To(
        Schema.Spends, id,
        [
            ("environment_id", environmentId), ("kind", kind), ("request", request), ("created_at", now.ToUnixTimeMilliseconds()), ("expires_at", until.ToUnixTimeMilliseconds()),
            .. session is null ? Array.Empty<(string, object?)>() : [("session_id", session)],
        ]);

    private sealed record CodeRow(
        string EnvironmentId, string Authority, string ClientId, string? ConnectionId, string? ProfileId, string RedirectUri, string? CodeChallenge, long ExpiresAt,
        string? UserId, string? CredentialId, string? OrganizationId, string? Method, string? FactorId)
    {
        /// <summary>What it is good for: a profile while its connection stands, or somebody who has signed in at a hosted page.</summary>
        public Redemption? Opens(View view, string codeId) =>
            UserId is not null ? new Redemption(null, codeId, new HostedSignIn(new SignedIn(UserId, CredentialId, OrganizationId, FactorId: FactorId), Method!))
            : ConnectionStore.Find(view, EnvironmentId, ConnectionId!) is { IsActive: true } && FindProfile(view, ProfileId!) is { } profile ? new Redemption(profile, codeId, null)
            : null;
    }

    private sealed record SpendRow(string Id, string? Request, string? SessionId);
}

/// <summary>What a sign-in by SAML leaves beside its profile and code.</summary>
/// <param name="Until">How long the assertion must be remembered.</param>
/// <param name="IsSpent">The assertion was used up already, by the node that decides about it.</param>
/// <param name="Session">What the identity provider calls its session; null when there is no single logout with it.</param>
/// <param name="SessionEnd">When that session ends at the latest; null when it does not say.</param>
internal sealed record SamlProof(string AssertionId, DateTimeOffset Until, bool IsSpent, SamlSession? Session, DateTimeOffset? SessionEnd);

/// <summary>A code that was redeemed.</summary>
/// <param name="CodeId">The code's hash: a replay of the code is a deny of this.</param>
/// <param name="Profile">Null for a code that a hosted page made.</param>
/// <param name="Hosted">Null for a code that an identity provider's answer made.</param>
internal sealed record Redemption(ProfileRow? Profile, string CodeId, HostedSignIn? Hosted = null);

/// <summary>Somebody has signed in at a hosted page, and has chosen what there was to choose.</summary>
/// <param name="Method">How, as a session names it.</param>
internal sealed record HostedSignIn(SignedIn Who, string Method);
