using Holdfast.Http;
using Holdfast.Http.Pages;
using Holdfast.Organizations;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.AuthKit.Pages;

/// <summary>How hosted pages look: read it, set it, for the environment or for one organization.</summary>
internal sealed class ManageBranding(Database database, Branding branding, Idempotency idempotency, PublicAddress address, TimeProvider clock)
{
    /// <summary>The largest logo, in bytes: it is a part of a page that weighs 50 kB at most.</summary>
    public const int MostLogoBytes = 24 * 1024;

    private const int LongestName = 64;

    /// <summary>What is left out stays as it is; null is none.</summary>
    /// <param name="AccentColor">Six hexadecimal digits, after <c>#</c> or not. What stands on it, and links in it, are made readable.</param>
    /// <param name="Logo">A PNG, JPEG or WebP image in base64 (RFC 4648 §4), of 24 kB at most. No SVG: it is a document that may hold scripts.</param>
    internal sealed record Input(Given<string> Name, Given<string> AccentColor, Given<string> Logo);

    internal sealed record Body(string Object, string? OrganizationId, string? Name, string? AccentColor, string? LogoUrl, DateTimeOffset? UpdatedAt);

    public ApiAnswer Get(HttpContext http, string? organizationId = null)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.Read(view => organizationId is not null && OrganizationStore.Find(view, environmentId, organizationId) is null
            ? ApiError.NotFound("Organization", organizationId)
            : ApiAnswer.Ok(Write(Branding.Find(view, environmentId, organizationId ?? environmentId), organizationId)));
    }

    public async Task<ApiAnswer> UpdateAsync(HttpContext http, string? organizationId = null)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (input is null)
        {
            return refusal!;
        }
        var fields = new Fields();
        if (input.Name.Value is not null)
        {
            fields.Required("name", input.Name, LongestName);
        }
        var accent = Accent.Read(input.AccentColor.Value);
        if (input.AccentColor.Value is not null && accent is null)
        {
            fields.Fault("accent_color", "invalid");
        }
        var (logo, type) = input.Logo.Value is { } given ? ReadImage(given, fields) : (null, null);
        var environmentId = Caller.Of(http).EnvironmentId;
        if (fields.Refusal is { } wrong)
        {
            return wrong;
        }
        if (organizationId is not null && database.Read(view => OrganizationStore.Find(view, environmentId, organizationId)) is null)
        {
            return ApiError.NotFound("Organization", organizationId);
        }
        return await idempotency.WriteAsync(http, (view, _) =>
        {
            if (organizationId is not null && OrganizationStore.Find(view, environmentId, organizationId) is null)
            {
                return Decide.Nothing(ApiError.NotFound("Organization", organizationId));
            }
            var id = organizationId ?? environmentId;
            var before = Branding.Find(view, environmentId, id);
            var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
            var after = new Branding.Row(id, input.Name.Or(before?.Name), input.Logo.Is ? type : before?.LogoType, input.AccentColor.Is ? accent?.Hex : before?.Accent,
                before?.CreatedAt ?? now, before is null ? now : Math.Max(now, before.UpdatedAt + 1));
            var values = new Dictionary<string, object?>(StringComparer.Ordinal) { ["updated_at"] = after.UpdatedAt };
            void Say(bool given, params ReadOnlySpan<(string Column, object? Value)> said)
            {
                foreach (var (column, value) in given ? said : [])
                {
                    values[column] = value;
                }
            }
            Say(before is null, ("environment_id", environmentId), ("created_at", now));
            Say(input.Name.Is, ("name", after.Name));
            Say(input.AccentColor.Is, ("accent", after.Accent));
            Say(input.Logo.Is, ("logo", logo), ("logo_type", type));
            return Decide.To(ApiAnswer.Ok(Write(after, organizationId)), new Change(Schema.Branding, id, values));
        });
    }

    /// <summary>The logo for a page. An image and nothing else, whatever its bytes are.</summary>
    public IResult SendLogo(string id, HttpContext http)
    {
        if (branding.Logo(id) is not var (bytes, type, updatedAt, environmentId) || !ServedUnder.Allows(http, environmentId))
        {
            return ApiError.OfStatus(StatusCodes.Status404NotFound);
        }
        http.Response.Headers.CacheControl = http.Request.Query["v"] == updatedAt.ToString(System.Globalization.CultureInfo.InvariantCulture) ? "public, max-age=31536000, immutable" : "no-cache";
        http.Response.Headers.ContentSecurityPolicy = "default-src 'none'; sandbox";
        return Results.Bytes(bytes, type);
    }

    private Body Write(Branding.Row? row, string? organizationId) => new("branding", organizationId, row?.Name, row?.Accent is { } hex ? $"#{hex}" : null,
        row?.LogoAddress is { } logo ? address.Url + logo : null, row is null ? null : DateTimeOffset.FromUnixTimeMilliseconds(row.UpdatedAt));

    /// <summary>The image in base64 and its type, read from its first bytes: what a caller says of it is not looked at.</summary>
    private static (string? Logo, string? Type) ReadImage(string text, Fields fields)
    {
        if (text.Length > ((MostLogoBytes + 2) / 3 * 4))
        {
            fields.Fault("logo", "too_long");
            return (null, null);
        }
        var bytes = new byte[MostLogoBytes + 3];
        var type = !Convert.TryFromBase64String(text, bytes, out var length) ? null : bytes.AsSpan(0, length) switch
        {
            [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            [(byte)'R', (byte)'I', (byte)'F', (byte)'F', _, _, _, _, (byte)'W', (byte)'E', (byte)'B', (byte)'P', ..] => "image/webp",
            _ => null,
        };
        if (type is null)
        {
            fields.Fault("logo", "invalid_image");
        }
        return (Convert.ToBase64String(bytes, 0, length), type);
    }
}
