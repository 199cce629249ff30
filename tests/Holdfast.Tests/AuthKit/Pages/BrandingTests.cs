namespace Holdfast.Tests.AuthKit.Pages;

/// <summary>How hosted pages look, and who may say so.</summary>
public sealed class BrandingTests
{
    /// <summary>One pixel.</summary>
    private const string Png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

    [Fact]
    public async Task A_page_looks_as_its_environment_and_its_organization_say()
    {
        await using var server = await HoldfastServer.StartAsync();
        var organization = await server.OrganizationAsync("Initech & Söhne");
        Assert.Equal("Sign in", (await new Person(server).StartAsync()).Heading);
        Assert.Equal("Sign in to Initech & Söhne", (await new Person(server).StartAsync(("organization_id", organization))).Heading);
        var empty = (await server.GetAsync("/branding")).Is(200);
        Assert.Equal(("branding", null, null), (empty["object"], empty["name"], empty["logo_url"]));

        var set = (await server.PutAsync("/branding", new { name = "Acme <Apps>", accent_color = "#F5C518", logo = Png })).Is(200);

        Assert.Equal(("Acme <Apps>", "#f5c518"), (set["name"], set["accent_color"]));
        var page = (await new Person(server).StartAsync()).Page;
        Assert.Contains("Sign in to Acme &lt;Apps&gt;", page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("<Apps>", page.Text, StringComparison.Ordinal);
        Assert.Contains("accent=f5c518", page.Text, StringComparison.Ordinal);
        Assert.Contains($"src=\"{set["logo_url"]![server.PublicUrl.Length..]}\"", page.Text, StringComparison.Ordinal);
        var logo = (await server.SendAsync("GET", set["logo_url"]!, null)).Is(200);
        Assert.Equal(("image/png", Png), (logo.ContentType, Convert.ToBase64String(logo.Bytes)));
        Assert.Contains("sandbox", logo.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromDays(365), logo.Headers.CacheControl!.MaxAge);

        // What is not named stays; the organization's own comes first, and its name stands under no other's logo.
        (await server.PutAsync("/branding", new { accent_color = "0a7d4b" })).Is(200);
        page = (await new Person(server).StartAsync(("organization_id", organization))).Page;
        Assert.Contains("accent=0a7d4b", page.Text, StringComparison.Ordinal);
        Assert.Contains("Sign in to Initech", page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("<img", page.Text, StringComparison.Ordinal);
        (await server.PutAsync($"/organizations/{organization}/branding", new { name = "Initech", accent_color = "#111111" })).Is(200);
        page = (await new Person(server).StartAsync(("organization_id", organization))).Page;
        Assert.Contains("accent=111111", page.Text, StringComparison.Ordinal);
        Assert.Equal(organization, (await server.GetAsync($"/organizations/{organization}/branding")).Is(200)["organization_id"]);

        set = (await server.PutAsync("/branding", new { logo = (string?)null, name = (string?)null })).Is(200);
        Assert.Equal((null, null, "#0a7d4b"), (set["name"], set["logo_url"], set["accent_color"]));
        Assert.Equal(404, (await server.SendAsync("GET", $"/assets/logo/{server.A.Id}", null)).Status);
    }

    /// <summary>OAUTH-056: no document that may hold scripts, no address elsewhere, no style.</summary>
    [Fact]
    public async Task What_is_no_name_no_colour_and_no_image_is_refused()
    {
        await using var server = await HoldfastServer.StartAsync();
        foreach (var (body, fault) in new (object, string)[]
        {
            (new { name = "" }, "name required"), (new { name = new string('n', 65) }, "name too_long"), (new { name = "a\nb" }, "name invalid_characters"),
            (new { accent_color = "red" }, "accent_color invalid"), (new { accent_color = "#fff;}body{display:none" }, "accent_color invalid"),
            (new { logo = "https://evil.test/logo.png" }, "logo invalid_image"), (new { logo = "" }, "logo invalid_image"),
            (new { logo = Convert.ToBase64String("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"u8) }, "logo invalid_image"),
            (new { logo = Convert.ToBase64String("GIF89a"u8) }, "logo invalid_image"),
            (new { logo = Png[..^4] + "!!!!" }, "logo invalid_image"),
            (new { logo = Convert.ToBase64String(new byte[(24 * 1024) + 1]) }, "logo too_long"),
        })
        {
            var answer = await server.WithoutEffectAsync(() => server.PutAsync("/branding", body));
            Assert.Equal([fault], answer.Is(422).Faults);
        }
        var most = new byte[24 * 1024];
        Convert.FromBase64String(Png).CopyTo(most, 0);
        (await server.PutAsync("/branding", new { logo = Convert.ToBase64String(most) })).Is(200);
    }

    [Fact]
    public async Task With_the_primary_gone_pages_look_as_before_and_nothing_is_set()
    {
        await using var server = await HoldfastServer.StartAsync();
        (await server.PutAsync("/branding", new { name = "Acme" })).Is(200);
        await using var held = await HeldPrimary.BeginAsync(server);

        (await server.PutAsync("/branding", new { name = "Other" })).Is(503, "primary_unavailable");
        Assert.Equal("Sign in to Acme", (await new Person(server).StartAsync()).Heading);
    }
}
