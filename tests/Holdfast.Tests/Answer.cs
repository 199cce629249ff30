using System.Net.Http.Headers;
using System.Text.Json;

namespace Holdfast.Tests;

/// <summary>What the server answered, read to its end.</summary>
internal sealed record Answer(int Status, string? ContentType, byte[] Bytes, HttpResponseHeaders Headers)
{
    public string Text { get; } = System.Text.Encoding.UTF8.GetString(Bytes);

    public string? Location => Headers.Location?.OriginalString;

    /// <summary>The body as JSON.</summary>
    public JsonElement Json => JsonDocument.Parse(Bytes).RootElement;

    /// <summary>A field of the body, as text.</summary>
    public string? this[string field] => Json.GetProperty(field) is { ValueKind: JsonValueKind.Null } ? null : Json.GetProperty(field).ToString();

    /// <summary>The ids of a list's elements.</summary>
    public List<string> Ids => [.. Json.GetProperty("data").EnumerateArray().Select(e => e.GetProperty("id").GetString()!)];

    /// <summary>A cursor of a list.</summary>
    public string? Cursor(string name) => Json.GetProperty("list_metadata").GetProperty(name).GetString();

    /// <summary>What is wrong, field by field, of a 422.</summary>
    public List<string> Faults => [.. Json.GetProperty("errors").EnumerateArray().Select(e => $"{e.GetProperty("field").GetString()} {e.GetProperty("code").GetString()}")];

    /// <summary>A parameter of the address that the browser is sent to; null when it is not there.</summary>
    public string? Sent(string name) =>
        Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(new Uri(Location!).Query).TryGetValue(name, out var value) ? value.ToString() : null;

    /// <summary>Fails with the body when the status is another.</summary>
    public Answer Is(int status)
    {
        Assert.True(Status == status, $"{status} was expected, not {Status}: {(Text.Length > 600 ? Text[..600] : Text)} {Location}");
        return this;
    }

    /// <summary>A refusal of the API with a code.</summary>
    public Answer Is(int status, string code)
    {
        Is(status);
        Assert.Equal(code, this["code"]);
        return this;
    }

    /// <summary>A refusal by RFC 6749 §5.2.</summary>
    public Answer IsOAuth(string error)
    {
        Is(400);
        Assert.Equal(error, this["error"]);
        Assert.NotEmpty(this["error_description"]!);
        return this;
    }
}
