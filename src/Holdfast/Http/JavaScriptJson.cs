using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Holdfast.Http;

/// <summary>JSON as <c>JSON.stringify</c> writes it, because clients parse it, write it again and compare signatures over it.</summary>
public static class JavaScriptJson
{
    /// <summary>Names in snake case, absent rather than null only where a record says so.</summary>
    public static JsonSerializerOptions Options { get; } = Configure(new JsonSerializerOptions(JsonSerializerDefaults.Web));

    /// <summary>The same, for people and files: with line breaks.</summary>
    public static JsonSerializerOptions Indented { get; } = new(Options) { WriteIndented = true };

    /// <summary>Sets options up this way.</summary>
    public static JsonSerializerOptions Configure(JsonSerializerOptions options)
    {
        options.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
        options.PropertyNameCaseInsensitive = false;
        options.NumberHandling = JsonNumberHandling.Strict;
        options.AllowDuplicateProperties = false;
        options.MaxDepth = 32;
        options.Encoder = JavaScriptEncoding.Instance;
        options.Converters.Add(new GivenConverter());
        options.Converters.Add(new TimeConverter());
        return options;
    }

    /// <summary>Times as JavaScript's <c>toISOString</c> writes them: UTC, milliseconds, Z.</summary>
    private sealed class TimeConverter : JsonConverter<DateTimeOffset>
    {
        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDateTimeOffset();

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture));
    }
}

/// <summary>Escapes what <c>JSON.stringify</c> escapes, and nothing else: quotation mark, backslash, controls below U+0020, lone surrogates (ECMA-262 §25.5.2.2).</summary>
internal sealed class JavaScriptEncoding : JavaScriptEncoder
{
    public static JavaScriptEncoding Instance { get; } = new();

    private static readonly SearchValues<char> MayNeedEscape = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(i => (char)i), '"', '\\', .. Enumerable.Range(0xd800, 0x800).Select(i => (char)i)]);

    public override int MaxOutputCharactersPerInputCharacter => 6;

    public override bool WillEncode(int unicodeScalar) => unicodeScalar < 0x20 || unicodeScalar is '"' or '\\';

    public override unsafe int FindFirstCharacterToEncode(char* text, int textLength)
    {
        var span = new ReadOnlySpan<char>(text, textLength);
        var at = 0;
        while (span[at..].IndexOfAny(MayNeedEscape) is var next and >= 0)
        {
            at += next;
            if (!char.IsHighSurrogate(span[at]) || at + 1 >= span.Length || !char.IsLowSurrogate(span[at + 1]))
            {
                return at;
            }
            at += 2;   // a pair is one character beyond the basic plane: it stays
        }
        return -1;
    }

    public override unsafe bool TryEncodeUnicodeScalar(int unicodeScalar, char* buffer, int bufferLength, out int numberOfCharactersWritten)
    {
        var text = unicodeScalar switch
        {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\b' => "\\b",
            '\f' => "\\f",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            < 0x20 or (>= 0xd800 and < 0xe000) => $"\\u{unicodeScalar:x4}",
            _ => new Rune(unicodeScalar).ToString(),
        };
        numberOfCharactersWritten = text.Length;
        if (text.Length > bufferLength)
        {
            numberOfCharactersWritten = 0;
            return false;
        }
        text.CopyTo(new Span<char>(buffer, bufferLength));
        return true;
    }
}
