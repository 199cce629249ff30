using System.Collections.Frozen;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Holdfast.Keys;

namespace Holdfast.Http.Pages;

/// <summary>What pages load: one stylesheet, and scripts that only improve them. A file of <c>Assets/</c> each; its address holds its hash, so browsers keep it.</summary>
public static class PageAssets
{
    private const string Folder = "Holdfast.Http.Pages.Assets.";
    private const string StylesheetName = "page.css";
    private const string IconName = "icon.svg";

    private static readonly Accent s_lightGround = new(0xf6, 0xf7, 0xf9);
    private static readonly Accent s_darkGround = new(0x17, 0x1e, 0x27);

    private static readonly FrozenDictionary<string, Asset> s_all = Assembly.GetExecutingAssembly().GetManifestResourceNames()
        .Where(name => name.StartsWith(Folder, StringComparison.Ordinal)).Select(Read).ToFrozenDictionary(a => a.Name, StringComparer.Ordinal);

    public static void MapAssets(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/assets/{name}", (string name, HttpContext http) => Send(name, http)).WithMetadata(UnderDomains.Yes).ExcludeFromDescription();

    /// <summary>The address of the stylesheet, for a brand's colour.</summary>
    public static string Stylesheet(Accent accent) => $"/assets/{StylesheetName}?v={s_all[StylesheetName].Version}&accent={accent.Hex}";

    /// <summary>The address of the little picture that browsers show beside the title.</summary>
    public static string Icon { get; } = $"/assets/{IconName}?v={s_all[IconName].Version}";

    /// <summary>The address of a script, and the hash that browsers hold it against.</summary>
    public static (string Path, string Integrity) Script(string name) => s_all[name + ".js"] is var script ? ($"/assets/{script.Name}?v={script.Version}", script.Integrity) : default;

    private static IResult Send(string name, HttpContext http)
    {
        if (!s_all.TryGetValue(name, out var asset))
        {
            return ApiError.OfStatus(StatusCodes.Status404NotFound);
        }
        // An address of another version is answered, too, while nodes of two versions serve; but it is not kept.
        http.Response.Headers.CacheControl = http.Request.Query["v"] == asset.Version ? "public, max-age=31536000, immutable" : "no-cache";
        return Path.GetExtension(name) switch
        {
            ".css" => Results.Text(Colored(asset.Text, Accent.Read(http.Request.Query["accent"]) ?? Accent.Default), "text/css; charset=utf-8"),
            ".js" => Results.Text(asset.Text, "text/javascript; charset=utf-8"),
            ".svg" => Results.Text(asset.Text, "image/svg+xml"),
            var other => throw new InvalidOperationException($"Nobody says what type {other} is."),
        };
    }

    private static string Colored(string stylesheet, Accent accent) => stylesheet
        .Replace("/* accent on light */", accent.Properties(s_lightGround), StringComparison.Ordinal)
        .Replace("/* accent on dark */", accent.Properties(s_darkGround), StringComparison.Ordinal);

    private static Asset Read(string resource)
    {
        using var file = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)!, Encoding.UTF8);
        var text = file.ReadToEnd();
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(text));
        return new Asset(resource[Folder.Length..], text, Base64.Encode(hash)[..12], $"sha256-{Convert.ToBase64String(hash)}");
    }

    private sealed record Asset(string Name, string Text, string Version, string Integrity);
}
