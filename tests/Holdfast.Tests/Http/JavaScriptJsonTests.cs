using System.Globalization;
using System.Text;
using System.Text.Json;
using Holdfast.Http;

namespace Holdfast.Tests.Http;

/// <summary>Bodies are what JSON.stringify would write (ECMA-262 §25.5.2.2), because clients write them again and compare.</summary>
public sealed class JavaScriptJsonTests
{
    [Fact]
    public void Every_code_unit_of_the_basic_plane_is_written_as_JavaScript_writes_it()
    {
        var faults = new List<string>();
        for (var unit = 0; unit <= 0xffff; unit++)
        {
            if (!char.IsSurrogate((char)unit))
            {
                var text = $"a{(char)unit}b";
                if (Written(text) != Expected(text))
                {
                    faults.Add(unit.ToString("x4", CultureInfo.InvariantCulture));
                }
            }
        }

        Assert.Empty(faults);
    }

    [Theory]
    [InlineData("\ud83d\ude00")]
    [InlineData("\ud800\udc00")]
    [InlineData("\udbff\udfff")]
    [InlineData("x\ud83d\ude00\ud83d\ude00y\"\\")]
    [InlineData("<script>&'+</script>")]
    [InlineData("\u2028\u2029\u007f\u0085\ufeff")]
    [InlineData("")]
    public void So_is_text_beyond_it(string text) => Assert.Equal(Expected(text), Written(text));

    [Fact]
    public void A_text_longer_than_a_buffer_is_written_whole()
    {
        var text = string.Concat(Enumerable.Repeat("\ud83d\ude00\u0001\"a\u00e4", 5000));

        Assert.Equal(Expected(text), Written(text));
    }

    [Fact]
    public void Half_a_pair_never_leaves_as_half_a_character()
    {
        // No body holds one: they are refused at the door. Should one come from elsewhere, what is written is still well-formed UTF-8.
        foreach (var text in new[] { "\ud83d", "\ude00", "a\ud83db", "\ude00\ud83d" })
        {
            var bytes = JsonSerializer.SerializeToUtf8Bytes(text, JavaScriptJson.Options);
            _ = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);
        }
    }

    [Fact]
    public void Times_and_numbers_and_names_are_written_as_JavaScript_writes_them()
    {
        var time = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.FromHours(2)).AddTicks(67_8901);

        Assert.Equal(
            """{"some_name":1,"other_time":"2026-01-02T01:04:05.067Z","none":null,"whole":3,"half":0.5}""",
            JsonSerializer.Serialize(new { SomeName = 1, OtherTime = time, None = (string?)null, Whole = 3.0, Half = 0.5 }, JavaScriptJson.Options));
    }

    private static string Written(string text) => Encoding.UTF8.GetString(JsonSerializer.SerializeToUtf8Bytes(text, JavaScriptJson.Options));

    /// <summary>QuoteJSONString, for text without lone surrogates.</summary>
    private static string Expected(string text)
    {
        var product = new StringBuilder("\"");
        foreach (var unit in text)
        {
            product.Append(unit switch
            {
                '\b' => "\\b",
                '\t' => "\\t",
                '\n' => "\\n",
                '\f' => "\\f",
                '\r' => "\\r",
                '"' => "\\\"",
                '\\' => "\\\\",
                < ' ' => $"\\u{(int)unit:x4}",
                _ => unit.ToString(),
            });
        }
        return product.Append('"').ToString();
    }
}
