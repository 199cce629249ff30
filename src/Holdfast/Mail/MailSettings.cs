using System.Text.Json;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Mail;

/// <summary>What an environment wants of its mail.</summary>
/// <param name="SenderName">Who writes, in the sender and in the text.</param>
internal sealed record MailSettings(string SenderName, IReadOnlyDictionary<string, bool> Said)
{
    /// <summary>Codes that the application makes by API are its own to send, until the environment says otherwise; so the public documentation has it.</summary>
    public const string MagicCodeByApi = "magic_auth_by_api";

    /// <inheritdoc cref="MagicCodeByApi"/>
    public const string PasswordResetByApi = "password_reset_by_api";

    /// <summary>Every switch, and how it stands while nothing was said.</summary>
    private static readonly Dictionary<string, bool> s_defaults = new(
        [.. MailKind.All.Select(kind => KeyValuePair.Create(kind.Name, true)), KeyValuePair.Create(MagicCodeByApi, false), KeyValuePair.Create(PasswordResetByApi, false)], StringComparer.Ordinal);

    public bool Sends(string name) => Said.TryGetValue(name, out var said) ? said : s_defaults[name];

    public static MailSettings Of(View view, string environmentId)
    {
        var row = view.Find<Row>(
            "SELECT e.name AS Name, s.sender_name AS SenderName, s.switches AS Switches FROM environments e LEFT JOIN mail_settings s ON s.id = e.id WHERE e.id = @environmentId",
            new { environmentId });
        return new MailSettings(row?.SenderName ?? row?.Name ?? "", row?.Switches is { } said ? JsonSerializer.Deserialize<Dictionary<string, bool>>(said)! : []);
    }

    private sealed record Row(string Name, string? SenderName, string? Switches);

    /// <param name="SenderName">Null for the environment's name.</param>
    /// <param name="Send">Switches, by kind. Those that are left out stay as they are; null is as if nothing had been said.</param>
    internal sealed record Input(Given<string> SenderName, Given<Dictionary<string, bool?>> Send);

    internal sealed record Body(string Object, string SenderName, IReadOnlyDictionary<string, bool> Send);

    public static ApiAnswer Get(HttpContext http, Database database) => ApiAnswer.Ok(database.Read(view => Of(view, Caller.Of(http).EnvironmentId)).ToBody());

    public static async Task<ApiAnswer> UpdateAsync(HttpContext http, Idempotency idempotency)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (input is null)
        {
            return refusal!;
        }
        var fields = new Fields();
        if (input.SenderName.Value is not null)
        {
            fields.Required("sender_name", input.SenderName, 64);
        }
        foreach (var name in (input.Send.Value ?? []).Keys.Where(name => !s_defaults.ContainsKey(name)).Take(1))
        {
            fields.Fault("send", "invalid");
        }
        return fields.Refusal ?? await idempotency.WriteAsync(http, (view, operation) =>
        {
            var environmentId = operation.EnvironmentId;
            var before = view.Find<Row>("SELECT '' AS Name, sender_name AS SenderName, switches AS Switches FROM mail_settings WHERE id = @environmentId", new { environmentId });
            var said = new Dictionary<string, bool>(Of(view, environmentId).Said, StringComparer.Ordinal);
            foreach (var (name, value) in input.Send.Value ?? [])
            {
                if (value is { } wanted)
                {
                    said[name] = wanted;
                }
                else
                {
                    said.Remove(name);
                }
            }
            var sender = input.SenderName.Or(before?.SenderName);
            var after = Of(view, environmentId) with { Said = said };
            after = after with { SenderName = sender ?? view.Find<string>("SELECT name FROM environments WHERE id = @environmentId", new { environmentId }) ?? "" };
            return Decide.To(ApiAnswer.Ok(after.ToBody()), Change.To(Schema.MailSettings, environmentId,
                ("environment_id", environmentId), ("sender_name", sender), ("switches", JsonSerializer.Serialize(said))));
        });
    }

    private Body ToBody() => new("mail_settings", SenderName, s_defaults.Keys.ToDictionary(name => name, Sends, StringComparer.Ordinal));
}
