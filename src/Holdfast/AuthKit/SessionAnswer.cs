using System.Text.Json.Serialization;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Writes what a sign-in and a refresh are answered with.</summary>
internal sealed class SessionAnswer(Database database, AccessTokens accessTokens, RefreshTokens refreshTokens)
{
    /// <summary>The answer for a session, as it is after its begin or its refresh.</summary>
    /// <param name="last">What its last token said; null for a session that has just begun here.</param>
    public ApiAnswer Of(OAuthClients.Client client, RefreshToken session, RefreshTokens.Shown? last)
    {
        var row = database.Read(view => UserStore.Find(view, client.EnvironmentId, session.UserId));
        var person = last?.Person ?? RefreshTokens.Person.Of(row?.Email, row?.IsVerified == true, row?.FirstName, row?.LastName, row?.CreatedAt ?? session.CreatedAt);
        return ApiAnswer.Ok(new Body(
            (row ?? new UserRow(session.UserId, person.Email, person.FirstName, person.LastName, person.CreatedAt, person.CreatedAt, VerifiedEmail: person.IsVerified ? person.Email : null)).ToBody(),
            session.ActsIn, accessTokens.Make(client, session), refreshTokens.Seal(client.EnvironmentId, new RefreshTokens.Shown(session, person, last?.NeedsSecret ?? !client.IsPublic)),
            SignInMethod.ToAuthenticationMethod(session.Method)));
    }

    internal sealed record Body(
        UserBody User, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? OrganizationId, string AccessToken, string RefreshToken, string AuthenticationMethod);
}
