using Holdfast.Http.Pages;
using Holdfast.Storage;

namespace Holdfast.AuthKit.Pages;

/// <summary>How pages look for an environment, or for an organization that has its own looks.</summary>
internal sealed class Branding(Database database)
{
    private sealed record Row(string Id, string? Name, string? LogoType, string? Accent, long UpdatedAt);

    /// <summary>The organization's looks, then the environment's, then ours. The page works without any.</summary>
    public Brand Of(string environmentId, string? organizationId)
    {
        var rows = database.Read(view => view.Query<Row>(
            "SELECT id AS Id, name AS Name, logo_type AS LogoType, accent AS Accent, coalesce(updated_at, 0) AS UpdatedAt FROM branding "
            + "WHERE environment_id = @environmentId AND id IN (@environmentId, @organizationId)", new { environmentId, organizationId }))
            .OrderBy(r => r.Id == environmentId).ToList();
        var logo = rows.Find(r => r.LogoType is not null);
        return rows.Count == 0 ? Brand.None : new Brand(
            rows.Select(r => r.Name).FirstOrDefault(n => n is not null), logo is null ? null : $"/assets/logo/{logo.Id}?v={logo.UpdatedAt}",
            rows.Select(r => Accent.Read(r.Accent)).FirstOrDefault(a => a is not null) ?? Accent.Default);
    }
}
