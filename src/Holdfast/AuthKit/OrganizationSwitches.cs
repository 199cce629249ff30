using System.Text;
using Holdfast.AuthKit.Pages;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Makes the link by which somebody who is signed in chooses another of their organizations at a page of ours (decision 0033). The link is sealed and lets nobody in: it shows the names of somebody's
/// organizations, and what is chosen there is told to the application, which goes on with the session as the public API has it.</summary>
internal sealed class OrganizationSwitches(Database database, RedirectUriStore redirectUris, EnvironmentStore environments, ClusterKeys keys, PublicAddress address, Acts acts)
{
    /// <summary>How long the link may be followed.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);

    /// <summary>The longest state, in bytes: it travels in the link.</summary>
    public const int MostStateBytes = 2048;

    private const string Purpose = "organization-switch";
    private const int MostIdCharacters = 128;

    /// <param name="OrganizationId">Where the session acts now, which the application knows; it is marked on the page.</param>
    internal sealed record Input(Given<string> SessionId, Given<string> RedirectUri, Given<string> State, Given<string> OrganizationId);

    /// <param name="Url">Where the browser is to be sent.</param>
    internal sealed record Body(string Object, string SessionId, string Url, DateTimeOffset ExpiresAt);

    /// <summary>What the link holds.</summary>
    /// <param name="ExpiresAt">Unix milliseconds.</param>
    internal sealed record Content(HostedSwitch Switch, string ClientId, string RedirectUri, string? State, long ExpiresAt);

    public async Task<ApiAnswer> CreateAsync(HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (input is null)
        {
            return refusal!;
        }
        var fields = new Fields();
        fields.Required("session_id", input.SessionId, MostIdCharacters);
        var environmentId = Caller.Of(http).EnvironmentId;
        if (input.RedirectUri.Value is { } wanted && !redirectUris.Allows(environmentId, wanted))
        {
            fields.Fault("redirect_uri", "not_registered");
        }
        if (input.State.Value is { } state && Encoding.UTF8.GetByteCount(state) > MostStateBytes)
        {
            fields.Fault("state", "too_long");
        }
        if (input.OrganizationId.Value is { Length: > MostIdCharacters })
        {
            fields.Fault("organization_id", "too_long");
        }
        if (fields.Refusal is { } wrong)
        {
            return wrong;
        }
        var (id, act) = (input.SessionId.Value!, acts.Of(environmentId));
        var (row, session, ended) = database.Read(view => (
            view.Find<SessionBody.Row>($"SELECT {SessionBody.Columns} FROM sessions WHERE environment_id = @environmentId AND id = @id", new { environmentId, id }),
            Session.Find(view, environmentId, id), Session.Find(view, environmentId, id)?.Ended(view, act)));
        if (row is null || session is null)
        {
            return ApiError.NotFound("Session", id);
        }
        if (ended is not null)
        {
            return ApiError.BadRequest("session_ended", "The session has ended. Send its user to sign in.");
        }
        if (row.Impersonator is not null)
        {
            return ApiError.BadRequest("session_impersonated", "Whoever acts as a user switches nowhere.");
        }
        if ((input.RedirectUri.Value ?? redirectUris.Default(environmentId)) is not { } home || environments.FindClient(environmentId) is not { } client)
        {
            return ApiError.Validation("redirect_uri", "required");
        }
        http.Response.Headers.CacheControl = "no-store";
        var until = act.Now + Lifetime;
        var token = SealedToken.Make(keys, Purpose, environmentId, new Content(
            new HostedSwitch(session, row.Method, input.OrganizationId.Value is { Length: > 0 } here ? here : null), client, home, input.State.Value, until.ToUnixTimeMilliseconds()));
        return ApiAnswer.Created(new Body("organization_switch", id, $"{ServedUnder.BaseOf(http, address)}{FollowSwitch.Path}?token={token}", until));
    }

    /// <summary>What a link holds; null when it is none, or over.</summary>
    public (string EnvironmentId, Content Content)? Open(string token) =>
        SealedToken.Read<Content>(keys, Purpose, token) is var (environmentId, content) && content.ExpiresAt > acts.Of(environmentId).Time ? (environmentId, content) : null;
}
