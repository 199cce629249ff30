using System.Runtime.CompilerServices;
using System.Text.Json;
using Holdfast.Http;
using Holdfast.Http.Pages;
using Microsoft.AspNetCore.Routing.Patterns;

namespace Holdfast.Load;

/// <summary>What a route's requests are worth beside others. Read from what the route declares anyway; <c>docs/load.md</c> lists the outcome, and a test compares.</summary>
internal static class Priorities
{
    private const string Authenticate = "/user_management/authenticate";

    /// <summary>What is never held up: how the node is, what nodes ask each other (they have bounds of their own), and the test providers of <c>dev</c>.</summary>
    private static readonly string[] s_always = ["/health", "/metrics", "/peers", "/dev"];

    private static readonly string[] s_signIn = ["/sso", "/user_management/authorize", "/user_management/magic_auth", "/user_management/password_reset", "/user_management/authenticate"];

    /// <summary>Found once for each route.</summary>
    private static readonly ConditionalWeakTable<RouteEndpoint, Known> s_known = [];

    /// <summary>Null for what is never held up.</summary>
    public static Priority? Of(RouteEndpoint endpoint) => s_known.GetValue(endpoint, static e => new Known(Find(e))).Priority;

    /// <summary>The same of one request: a refresh is worth more than the rest of its route.</summary>
    /// <param name="body">As it was read; empty where there is none.</param>
    public static Priority? Of(RouteEndpoint endpoint, ReadOnlySpan<byte> body) =>
        Of(endpoint) is { } priority ? priority == Priority.SignIn && endpoint.RoutePattern.RawText == Authenticate && IsRefresh(body) ? Priority.Session : priority : null;

    private static Priority? Find(RouteEndpoint endpoint)
    {
        var (path, has) = ("/" + (endpoint.RoutePattern.RawText ?? "").TrimStart('/'), endpoint.Metadata);
        var writes = has.GetMetadata<Writes>();
        return s_always.Any(a => path == a || path.StartsWith(a + "/", StringComparison.Ordinal)) ? null
            : writes == Writes.Deny || writes == Writes.ToPrimaryOrDeny || path.Contains("/jwks", StringComparison.Ordinal) ? Priority.Session
            : writes == Writes.Fact ? Priority.SignIn
            : has.GetMetadata<PageRoute>() is not null || path.StartsWith("/assets", StringComparison.Ordinal) || path.StartsWith("/status", StringComparison.Ordinal) || path.StartsWith("/incidents", StringComparison.Ordinal) ? Priority.Page
            : s_signIn.Any(s => path.StartsWith(s, StringComparison.Ordinal)) && writes != Writes.ToPrimary ? Priority.SignIn
            : writes is null && endpoint.RoutePattern.PathSegments is [.., var last] && (last.Parts.Any(p => p is RoutePatternParameterPart) || path.StartsWith("/sdk", StringComparison.Ordinal)) ? Priority.Read
            : Priority.Administration;
    }

    /// <summary>Whether it is a deny, or may be one: what takes away must get through (law 4).</summary>
    public static bool IsDeny(RouteEndpoint endpoint) => endpoint.Metadata.GetMetadata<Writes>() is { } writes && (writes == Writes.Deny || writes == Writes.ToPrimaryOrDeny);

    /// <summary>Whether a body (a form, or JSON) says <c>grant_type</c> refresh_token where the endpoint reads it, and once: the endpoint takes no two.</summary>
    private static bool IsRefresh(ReadOnlySpan<byte> body)
    {
        if (body.IndexOf("refresh_token"u8) < 0)
        {
            return false;
        }
        var text = body.TrimStart(" \t\r\n"u8);
        return text is [(byte)'{', ..] ? IsRefreshAsJson(text) : IsRefreshAsForm(text);
    }

    private static bool IsRefreshAsJson(ReadOnlySpan<byte> text)
    {
        var (isSaid, isRefresh) = (false, false);
        var reader = new Utf8JsonReader(text, new JsonReaderOptions { MaxDepth = 32 });
        try
        {
            while (reader.Read())
            {
                if (reader.CurrentDepth == 1 && reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("grant_type"u8))
                {
                    if (isSaid)
                    {
                        return false;
                    }
                    reader.Read();
                    (isSaid, isRefresh) = (true, reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("refresh_token"u8));
                }
            }
        }
        catch (JsonException)
        {
            return false;
        }
        return isRefresh;
    }

    private static bool IsRefreshAsForm(ReadOnlySpan<byte> text)
    {
        var (isSaid, isRefresh) = (false, false);
        foreach (var part in text.Split((byte)'&'))
        {
            var field = text[part];
            if (field.StartsWith("grant_type="u8))
            {
                if (isSaid)
                {
                    return false;
                }
                (isSaid, isRefresh) = (true, field["grant_type=".Length..].SequenceEqual("refresh_token"u8));
            }
        }
        return isRefresh;
    }

    private sealed record Known(Priority? Priority);
}
