using System.Text.RegularExpressions;
using Holdfast.Http.Pages;

namespace Holdfast.Tests.Http;

/// <summary>What all pages of all products share: their texts, their colours, their frame.</summary>
public sealed partial class PagesTests(Shared shared) : IClassFixture<Shared>
{
    [Fact]
    public void Every_language_says_everything_with_the_same_placeholders()
    {
        Assert.True(Texts.All.Count >= 2);
        foreach (var (language, texts) in Texts.All)
        {
            Assert.Empty(Texts.English.Keys.Except(texts.Keys).Select(k => $"{language} lacks {k}"));
            Assert.Empty(texts.Keys.Except(Texts.English.Keys).Select(k => $"{language} has {k}, which nobody says"));
            foreach (var key in texts.Keys)
            {
                Assert.False(string.IsNullOrWhiteSpace(texts[key]), $"{language} {key}");
                Assert.True(Placeholders(Texts.English[key]).SetEquals(Placeholders(texts[key])), $"{language} {key}: {texts[key]}");
            }
            Assert.Contains(texts.Direction, new[] { "ltr", "rtl" });
        }
    }

    [Theory]
    [InlineData("", "", "en")]
    [InlineData("", "de-AT,de;q=0.9,en;q=0.8", "de")]
    [InlineData("", "fr;q=1, en;q=0.5, de;q=0.7", "de")]
    [InlineData("", "de;q=0, fr", "en")]
    [InlineData("xx de-CH", "en", "de")]
    [InlineData("fr", "de", "de")]
    [InlineData("", "*", "en")]
    [InlineData("../de  -- ", "\u0001 ;;q=x", "en")]
    public async Task A_page_speaks_the_language_that_is_wanted(string uiLocales, string acceptLanguage, string language)
    {
        var path = AuthKit.Pages.Person.StartPath(shared.Server, ("ui_locales", uiLocales));
        var browser = new Browser(shared.Server);
        var begun = (await browser.GetAsync(path)).Is(302);

        var page = (await browser.GetAsync(begun.Location!, ("Accept", "text/html"), ("Accept-Language", acceptLanguage))).Is(200);

        Assert.Contains($"<html lang=\"{language}\" dir=\"ltr\">", page.Text, StringComparison.Ordinal);
    }

    /// <summary>Every eighth step of each channel, and the grounds of both themes.</summary>
    [Fact]
    public void Whatever_colour_a_brand_has_its_text_is_readable()
    {
        var grounds = new[] { new Accent(255, 255, 255), new Accent(0xf6, 0xf7, 0xf9), new Accent(0x17, 0x1e, 0x27), new Accent(0x0f, 0x14, 0x1b) };
        var channel = Enumerable.Range(0, 32).Select(i => (byte)(i * 255 / 31)).ToList();
        foreach (var color in from r in channel from g in channel from b in channel select new Accent(r, g, b))
        {
            Assert.True(color.TextOnIt.Contrast(color) >= Accent.TextContrast, color.Hex);
            Assert.All(grounds, ground => Assert.True(color.On(ground, Accent.TextContrast).Contrast(ground) >= Accent.TextContrast, $"{color.Hex} on {ground.Hex}"));
        }
        Assert.Equal(21, new Accent(0, 0, 0).Contrast(new Accent(255, 255, 255)), 3);
        Assert.Equal(new Accent(0x12, 0xab, 0xff), Accent.Read("#12ABff"));
        Assert.All(new[] { null, "", "#12abf", "12abfff", "red", "#12abfg", "+12abf", "};a{" }, text => Assert.Null(Accent.Read(text)));
    }

    [Fact] // OAUTH-056
    public async Task The_stylesheet_takes_a_colour_and_nothing_else()
    {
        var server = shared.Server;
        var plain = (await server.SendAsync("GET", "/assets/page.css", null)).Is(200);
        Assert.DoesNotContain("accent on", plain.Text, StringComparison.Ordinal);
        Assert.Contains("--accent: #1f5fbf; --on-accent: #ffffff; --ring: #1f5fbf;", plain.Text, StringComparison.Ordinal);
        Assert.Contains("--accent: #0a7d4b; --on-accent: #ffffff;", (await server.SendAsync("GET", "/assets/page.css?accent=0a7d4b", null)).Is(200).Text, StringComparison.Ordinal);
        Assert.Equal(plain.Text, (await server.SendAsync("GET", "/assets/page.css?accent=red;}body{display:none", null)).Is(200).Text);
        Assert.Equal(404, (await server.SendAsync("GET", "/assets/..%2f..%2fcluster.key", null)).Status);
        Assert.Equal(404, (await server.SendAsync("GET", "/assets/nothing.js", null)).Status);
    }

    [Fact] // OAUTH-010
    public async Task A_page_holds_what_keeps_it_safe_and_comes_whole_in_under_50_kB()
    {
        var server = shared.Server;
        var browser = new Browser(server);
        var begun = (await browser.GetAsync(AuthKit.Pages.Person.StartPath(server))).Is(302);
        foreach (var (path, status) in new[] { (begun.Location!, 200), ("/sign-in", 400), ("/user_management/authorize", 400), ("/sso/logout?token=x", 404) })
        {
            var page = (await browser.GetAsync(path, ("Accept", "text/html"))).Is(status);
            var policy = page.Headers.GetValues("Content-Security-Policy").Single();
            Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
            foreach (var part in new[] { "default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "script-src 'self'", "style-src 'self'" })
            {
                Assert.Contains(part, policy, StringComparison.Ordinal);
            }
            Assert.Equal("DENY", page.Headers.GetValues("X-Frame-Options").Single());
            Assert.Equal("nosniff", page.Headers.GetValues("X-Content-Type-Options").Single());
            Assert.Contains(page.Headers.GetValues("Referrer-Policy").Single(), new[] { "no-referrer", "same-origin" });
            Assert.StartsWith("max-age=", page.Headers.GetValues("Strict-Transport-Security").Single(), StringComparison.Ordinal);
            Assert.True(page.Headers.CacheControl!.NoStore);
            Assert.DoesNotMatch("<style|style=|<script(?! type=\"module\" src=\"/assets/[a-z]+\\.js)|\\son[a-z]+=|javascript:|(?:src|href)=\"(?:https?:)?//", page.Text);
            var loaded = await Task.WhenAll(Loaded().Matches(page.Text).Select(m => server.SendAsync("GET", System.Net.WebUtility.HtmlDecode(m.Groups[1].Value), null)));
            Assert.All(loaded, asset => Assert.True(asset.Is(200).Headers.CacheControl!.MaxAge > TimeSpan.FromDays(300)));
            Assert.Single(loaded, asset => asset.ContentType!.StartsWith("text/css", StringComparison.Ordinal));
            Assert.InRange(page.Bytes.Length + loaded.Sum(a => a.Bytes.Length), 1000, 50_000);
        }
    }

    /// <summary>OAUTH-010, OAUTH-021: whatever a browser may come to. A page that is added is among these by itself.</summary>
    [Fact]
    public async Task No_page_can_be_framed_or_kept_or_tells_others_whence_somebody_comes()
    {
        var seen = 0;
        foreach (var (method, path) in Pages())
        {
            var page = await shared.Server.SendAsync(method, path, null, method == "POST" ? new FormUrlEncodedContent([]) : null, ("Accept", "text/html"));
            var place = $"{method} {path}: {page.Status}";
            Assert.True(page.Status < 500, place);
            if (page.ContentType?.StartsWith("text/html", StringComparison.Ordinal) != true)
            {
                continue;   // what a page's script asks for, and its images
            }
            seen++;
            Assert.True(page.Headers.GetValues("Content-Security-Policy").Single().Contains("frame-ancestors 'none'", StringComparison.Ordinal), place);
            Assert.True(page.Headers.GetValues("X-Frame-Options").Single() == "DENY", place);
            Assert.True(page.Headers.GetValues("Referrer-Policy").Single() is "no-referrer" or "same-origin", place);
            Assert.True(page.Headers.GetValues("X-Content-Type-Options").Single() == "nosniff", place);
            Assert.True(page.Headers.CacheControl!.NoStore, place);
        }
        Assert.True(seen > 30, $"{seen} pages");
    }

    /// <summary>OAUTH-054: no form of any page is taken from another site, whatever stands in it.</summary>
    [Fact]
    public async Task No_page_s_form_is_taken_from_elsewhere()
    {
        var forms = Pages().Where(p => p.Method == "POST").ToList();
        Assert.True(forms.Count > 15, $"{forms.Count} forms");
        foreach (var (_, path) in forms)
        {
            Task<Answer> SendAsync(params (string, string)[] headers) => shared.Server.SendAsync("POST", path, null, new FormUrlEncodedContent([]), [("Accept", "text/html"), .. headers]);
            foreach (var headers in new (string, string)[][]
            {
                [("Sec-Fetch-Site", "cross-site")], [("Sec-Fetch-Site", "same-site")], [("Sec-Fetch-Site", "none")], [("Origin", "https://evil.test")], [("Origin", "null")],
                [("Origin", shared.Server.PublicUrl + ".evil.test")], [("Sec-Fetch-Site", "cross-site"), ("Origin", shared.Server.PublicUrl)],
            })
            {
                var refused = await shared.Server.WithoutEffectAsync(() => SendAsync(headers));
                Assert.True(refused.Status == 403 && !refused.Headers.Contains("Set-Cookie"), $"{path} with {string.Join(' ', headers)}: {refused.Status}");
            }
            Assert.NotEqual(403, (await SendAsync(("Sec-Fetch-Site", "same-origin"), ("Origin", shared.Server.PublicUrl))).Status);
        }
    }

    private IEnumerable<(string Method, string Path)> Pages() =>
        from route in shared.Server.Routes
        where route.Metadata.GetMetadata<Holdfast.Http.Pages.PageRoute>() is not null
        from method in DescriptionTests.Methods(route)
        select (method, Regex.Replace(DescriptionTests.Template(route), @"\{\w+\}", "x"));

    private static HashSet<string> Placeholders(string text) => [.. Placeholder().Matches(text).Select(m => m.Value)];

    [GeneratedRegex(@"\{\w+\}")]
    private static partial Regex Placeholder();

    [GeneratedRegex("<(?:link|script|img)[^>]* (?:href|src)=\"([^\"]+)\"")]
    private static partial Regex Loaded();
}
