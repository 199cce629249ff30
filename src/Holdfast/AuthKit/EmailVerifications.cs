using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Codes that prove the mailbox of a user: looked up, so that the application can mail them by itself.</summary>
internal sealed class EmailVerifications(Database database, Acts acts, ItemSecrets secrets)
{
    internal sealed record Body(
        string Object, string Id, string UserId, string Email, DateTimeOffset ExpiresAt, string Code, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

    /// <summary>One that can still be used, of a user who is there. That of a sign-up is nobody's to see.</summary>
    public ApiAnswer Get(string id, HttpContext http)
    {
        var act = acts.Of(Caller.Of(http).EnvironmentId);
        if (database.Read(view => PendingItem.Find(view, act, id, Ids.EmailVerification)) is not { Data: { } address } item || !item.Subject.StartsWith(Ids.User, StringComparison.Ordinal))
        {
            return ApiError.NotFound("Email verification", id);
        }
        var created = DateTimeOffset.FromUnixTimeMilliseconds(item.CreatedAt);
        return ApiAnswer.Ok(new Body("email_verification", item.Id, item.Subject, address, DateTimeOffset.FromUnixTimeMilliseconds(item.ExpiresAt),
            secrets.Code(item.EnvironmentId, item.Id), created, created));
    }
}
