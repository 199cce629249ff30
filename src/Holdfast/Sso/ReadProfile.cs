using Holdfast.Http;

namespace Holdfast.Sso;

/// <summary>The profile that a token shows.</summary>
internal sealed class ReadProfile(ProfileToken tokens, SignInStore signIns, Connections connections)
{
    private static readonly ApiAnswer Unauthorized = new(StatusCodes.Status401Unauthorized, new { error = "Unauthorized" });

    public ApiAnswer Handle(HttpContext http) =>
        Caller.Bearer(http) is { } token && tokens.Read(token) is { } shown
        && signIns.FindProfile(shown.EnvironmentId, shown.ProfileId, shown.CodeId) is { } profile
            ? ApiAnswer.Ok(profile.ToBody(connections.Find(profile.ConnectionId)))
            : Unauthorized;
}
