using Holdfast.Http.Pages;
using Holdfast.Organizations;
using Holdfast.Storage;

namespace Holdfast.AuthKit.Pages;

/// <summary>How pages look for an environment, or for an organization that has its own looks.</summary>
internal sealed class Branding(Database database)
{
    public const string LogoPath = "/assets/logo";

    /// <param name="UpdatedAt">Unix milliseconds.</param>
    public sealed record Row(string Id, string? Name, string? LogoType, string? Accent, long CreatedAt, long UpdatedAt)
    {
        /// <summary>Null when it has none.</summary>
        public string? LogoAddress => LogoType is null ? null : $"{LogoPath}/{Id}?v={UpdatedAt}";
    }

    private const string Columns = "id AS Id, name AS Name, logo_type AS LogoType, accent AS Accent, created_at AS CreatedAt, coalesce(updated_at, created_at) AS UpdatedAt";

    /// <summary>What was said for an environment or an organization itself; null for nothing.</summary>
    public static Row? Find(View view, string environmentId, string id) =>
        view.Find<Row>($"SELECT {Columns} FROM branding WHERE environment_id = @environmentId AND id = @id", new { environmentId, id });

    /// <summary>The organization's looks, then the environment's, then ours. A page works without any.</summary>
    /// <param name="organizationId">Null for none in particular.</param>
    public Brand Of(string environmentId, string? organizationId) => database.Read(view =>
    {
        var organization = organizationId is null ? null : OrganizationStore.Find(view, environmentId, organizationId);
        var (own, all) = (organization is null ? null : Find(view, environmentId, organization.Id), Find(view, environmentId, environmentId));
        return own is null && all is null && organization is null ? Brand.None : new Brand(
            own?.Name ?? organization?.Name ?? all?.Name, own?.LogoAddress ?? (own?.Name is null && organization is null ? all?.LogoAddress : null),
            Accent.Read(own?.Accent) ?? Accent.Read(all?.Accent) ?? Accent.Default);
    });

    /// <summary>A logo, as it was given; null when there is none.</summary>
    public (byte[] Bytes, string Type, long UpdatedAt, string EnvironmentId)? Logo(string id) =>
        database.Read(view => view.Find<Image>("SELECT logo AS Logo, logo_type AS LogoType, coalesce(updated_at, created_at) AS UpdatedAt, environment_id AS EnvironmentId FROM branding WHERE id = @id", new { id }))
            is { Logo: { } logo, LogoType: { } type } image ? (Convert.FromBase64String(logo), type, image.UpdatedAt, image.EnvironmentId) : null;

    private sealed record Image(string? Logo, string? LogoType, long UpdatedAt, string EnvironmentId);
}
