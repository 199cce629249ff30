using System.Text;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Protocols.OneTimePasswords;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.MultiFactor;

/// <summary>Gives somebody a second factor: a secret for their app, or codes that the application delivers by itself.</summary>
internal sealed class EnrollFactor(Database database, Idempotency idempotency, Acts acts, ClusterKeys keys, EnvironmentStore environments)
{
    private const int LongestName = 128;

    /// <summary>What a picture holds without becoming too fine to be read from a screen, in bytes.</summary>
    private const int LongestUri = 500;

    /// <summary>Bytes of a secret that is brought along (RFC 4226 §4 asks for 16; what apps were given elsewhere has had 10).</summary>
    private const int LeastSecret = 10;
    private const int MostSecret = 64;

    internal sealed record Input(Given<string> Type, Given<string> PhoneNumber, Given<string> TotpIssuer, Given<string> TotpUser, Given<string> UserId);

    internal sealed record UserInput(Given<string> Type, Given<string> TotpIssuer, Given<string> TotpUser, Given<string> TotpSecret);

    /// <param name="AuthenticationChallenge">The first one, by which the person shows that their app has the secret.</param>
    internal sealed record UserBody(EnrolledBody AuthenticationFactor, ChallengeBody AuthenticationChallenge);

    /// <summary>For somebody whom the application knows, or for a user.</summary>
    public async Task<ApiAnswer> HandleAsync(HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (input is null)
        {
            return refusal!;
        }
        var fields = new Fields();
        var type = fields.Required("type", input.Type, LongestName);
        if (type is not ("" or Factor.Totp or Factor.GenericOtp or "sms"))
        {
            fields.Fault("type", "invalid");
        }
        if (type == "sms")
        {
            // Said before anything is enrolled: a factor that nobody can answer would lock its owner out.
            return ApiError.Unprocessable("sms_not_available", "This server sends no text messages. Enroll a factor of type 'totp', or of type 'generic_otp' and deliver its codes yourself.");
        }
        var details = type == Factor.Totp
            ? new Factor.TotpDetails(fields.Required("totp_issuer", input.TotpIssuer, LongestName), fields.Required("totp_user", input.TotpUser, LongestName))
            : null;
        var userId = fields.Optional("user_id", input.UserId, LongestName);
        if (fields.Refusal is { } wrong)
        {
            return wrong;
        }
        var operation = await idempotency.BeginAsync(http);
        var (made, _, why) = await MakeAsync(http, operation, userId, type, details, null, isChallenged: false);
        return made is null ? why! : ApiAnswer.Created(EnrolledBody.Of(made, keys));
    }

    /// <summary>For a user: names are filled in, a secret may be brought along, and the first challenge comes with it.</summary>
    public async Task<ApiAnswer> ForUserAsync(string userId, HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<UserInput>(http);
        if (input is null)
        {
            return refusal!;
        }
        var fields = new Fields();
        if (fields.Required("type", input.Type, LongestName) is not ("" or Factor.Totp))
        {
            fields.Fault("type", "invalid");
        }
        var (issuer, name) = (fields.Optional("totp_issuer", input.TotpIssuer, LongestName), fields.Optional("totp_user", input.TotpUser, LongestName));
        var secret = input.TotpSecret.Value is { Length: <= LongestName } given ? Base32.Decode(given) : null;
        if (input.TotpSecret.Value is not null && secret is not { Length: >= LeastSecret and <= MostSecret })
        {
            fields.Fault("totp_secret", "invalid");
        }
        if (fields.Refusal is { } wrong)
        {
            return wrong;
        }
        var operation = await idempotency.BeginAsync(http);
        if (database.Read(view => UserStore.Find(view, operation.EnvironmentId, userId)) is not { } user)
        {
            return ApiError.NotFound("User", userId);
        }
        var details = new Factor.TotpDetails(Or(issuer, environments.NameOf(operation.EnvironmentId)), Or(name, user.Email ?? user.Id));
        var (made, challenge, why) = await MakeAsync(http, operation, userId, Factor.Totp, details, secret, isChallenged: true);
        return made is null ? why! : ApiAnswer.Created(new UserBody(EnrolledBody.Of(made, keys), ChallengeBody.Of(challenge!)));
    }

    /// <summary>What was given, unless that is nothing.</summary>
    private static string Or(string? given, string standing) => string.IsNullOrWhiteSpace(given) ? standing.Length > LongestName ? standing[..LongestName] : standing : given;

    private Task<(Factor? Factor, PendingItem? Challenge, ApiAnswer? Refusal)> MakeAsync(
        HttpContext http, Operation operation, string? userId, string type, Factor.TotpDetails? details, byte[]? secret, bool isChallenged)
    {
        var (id, challengeId) = (operation.NewId(Ids.Factor, database.Incarnation), operation.NewId(Ids.FactorChallenge, database.Incarnation));
        return database.RecordAsync<(Factor?, PendingItem?, ApiAnswer?)>(http, view =>
        {
            var act = acts.Of(operation);
            if (Factor.Find(view, act.EnvironmentId, id) is { } before)   // the answer was lost, and is asked for again
            {
                return Decide.Nothing<(Factor?, PendingItem?, ApiAnswer?)>((before, PendingItem.FindAny(view, act.EnvironmentId, challengeId, Ids.FactorChallenge), null));
            }
            if (userId is not null && UserStore.Find(view, act.EnvironmentId, userId) is null)
            {
                return Decide.Nothing<(Factor?, PendingItem?, ApiAnswer?)>((null, null, ApiError.NotFound("User", userId)));
            }
            if (userId is not null && Factor.Of(view, act.EnvironmentId, userId, type).Count >= Factor.MostOfType)
            {
                return Decide.Nothing<(Factor?, PendingItem?, ApiAnswer?)>((null, null, ApiError.Unprocessable("too_many_factors", $"A user may have {Factor.MostOfType} factors of a type. Delete one first.")));
            }
            secret ??= type == Factor.Totp ? ClusterKeys.Mac(act.Random, "totp-secret", id)[..Totp.SecretBytes] : null;
            if (details is not null && Encoding.UTF8.GetByteCount(Totp.Uri(details.Issuer, details.User, secret)) > LongestUri)
            {
                return Decide.Nothing<(Factor?, PendingItem?, ApiAnswer?)>((null, null, ApiError.Validation("totp_user", "too_long")));
            }
            var made = new Factor(id, userId, type, secret is null ? null : keys.SealAtRest(Factor.PlaceOf(id), secret), details is null ? null : System.Text.Json.JsonSerializer.Serialize(details), "[]", act.Time, null, null);
            var row = Factor.Make(act, id, userId, type, made.SecretSealed, details, Proof.Administrator);
            if (!isChallenged)
            {
                return Decide.To<(Factor?, PendingItem?, ApiAnswer?)>((made, null, null), row);
            }
            var (_, challenge) = Challenges.Issue(act, id, "", challengeId);
            var item = new PendingItem(challengeId, act.EnvironmentId, Ids.FactorChallenge, act.Incarnation, id, "", null, act.Time, (act.Now + Challenges.Lifetime).ToUnixTimeMilliseconds(), "");
            return Decide.To<(Factor?, PendingItem?, ApiAnswer?)>((made, item, null), row, challenge);
        });
    }
}
