using System.Text.Json.Serialization;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Writes what a sign-in and a refresh are answered with.</summary>
internal sealed class SessionAnswer(Database database, AccessTokens accessTokens, RefreshTokens refreshTokens, SessionCookies cookies)
{
    /// <summary>The answer for a session, as it is after its begin or its refresh.</summary>
    /// <param name="last">What its last token said; null for a session that has just begun here.</param>
    public ApiAnswer Of(Authenticate.Asked asked, RefreshToken session, RefreshTokens.Shown? last)
    {
        var client = asked.Client;
        var row = database.Read(view => UserStore.Find(view, client.EnvironmentId, session.UserId));
        var person = last?.Person ?? RefreshTokens.Person.Of(row?.Email, row?.IsVerified == true, row?.FirstName, row?.LastName, row?.CreatedAt ?? session.CreatedAt);
        var made = accessTokens.Make(client, session);
        if (made.LeftOut is { } why)
        {
            asked.Http.Response.Headers[LeftOutHeader] = why;
        }
        var refreshToken = refreshTokens.Seal(client.EnvironmentId, new RefreshTokens.Shown(session, person, last?.NeedsSecret ?? !client.IsPublic));
        if (asked.IsBrowser)
        {
            cookies.Write(asked.Http, client, session, refreshToken);
        }
        return ApiAnswer.Ok(new Body(
            (row ?? new UserRow(session.UserId, person.Email, person.FirstName, person.LastName, person.CreatedAt, person.CreatedAt, VerifiedEmail: person.IsVerified ? person.Email : null)).ToBody(),
            session.ActsIn, made.Token, asked.IsByCookie ? null : refreshToken, SignInMethod.ToAuthenticationMethod(session.Method), session.Impersonator));
    }

    /// <summary>Why the environment's JWT template is not in the access token, as a short slug; absent when it is.</summary>
    private const string LeftOutHeader = "Holdfast-Jwt-Template-Left-Out";

    /// <param name="RefreshToken">Null when the browser keeps it in a cookie that no script reads.</param>
    internal sealed record Body(
        UserBody User, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? OrganizationId, string AccessToken,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? RefreshToken, string AuthenticationMethod,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Impersonator? Impersonator);
}
