using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.AuthKit.Pages;

/// <summary>Somebody at the hosted pages, in a browser of their own: reads a page, types, presses its button.</summary>
internal sealed partial class Person(HoldfastServer server)
{
    public const string Password = "correct horse battery staple";

    public Browser Browser { get; private init; } = new(server);

    /// <summary>The custom domain that they are at; null for the public address.</summary>
    public string? Under { get; init; }

    private (string, string)[] Host => Under is null ? [] : [("Host", Under)];

    /// <summary>The page that the browser shows, or where it was sent last.</summary>
    public Answer Page { get; private set; } = null!;

    /// <summary>Where that page is; null when the browser has left for the application.</summary>
    public string? Path { get; private set; }

    public string Heading => Text(Regex.Match(Page.Text, "<h1>(.*?)</h1>", RegexOptions.Singleline).Groups[1].Value);

    /// <summary>What is said to be wrong.</summary>
    public string? Fault => Regex.Match(Page.Text, "<p class=\"fault\"[^>]*>(.*?)</p>") is { Success: true } match ? Text(match.Groups[1].Value) : null;

    public string? Notice => Regex.Match(Page.Text, "<p class=\"notice[^>]*>(.*?)</p>") is { Success: true } match ? Text(match.Groups[1].Value) : null;

    /// <summary>The code that the application was sent.</summary>
    public string Code => Page.Sent("code") ?? throw new InvalidOperationException($"There is no code: {Page.Status} {Page.Location} {Page.Text}");

    public static string StartPath(HoldfastServer server, params (string Name, string Value)[] more)
    {
        var parameters = new Dictionary<string, string>
        {
            ["client_id"] = server.A.ClientId, ["redirect_uri"] = HoldfastServer.Callback, ["response_type"] = "code", ["state"] = "s t&a=te", ["provider"] = "authkit",
        };
        foreach (var (name, value) in more)
        {
            parameters[name] = value;
        }
        return "/user_management/authorize?" + string.Join('&', parameters.Where(p => p.Value.Length > 0).Select(p => $"{p.Key}={Uri.EscapeDataString(p.Value)}"));
    }

    public async Task<Person> StartAsync(params (string Name, string Value)[] more)
    {
        await GoAsync(StartPath(server, more));
        return this;
    }

    /// <summary>Opens an address, and follows where it leads, as far as that is here.</summary>
    public async Task<Answer> GoAsync(string path)
    {
        await FollowAsync(await Browser.GetAsync(path, [("Accept", "text/html"), .. Host]), path);
        return Page;
    }

    /// <summary>Fills in the page's first form, or the one with this button, and sends it.</summary>
    /// <param name="button">The name and value of the button; null for the main one.</param>
    public async Task<Answer> SendAsync((string Name, string Value)? button, params (string Name, string Value)[] typed)
    {
        var form = Form(button?.Name);
        await FollowAsync(await PostAsync(form, typed.Concat(button is { } pressed ? [pressed] : [])), form.Action);
        return Page;
    }

    public Task<Answer> SendAsync(params (string Name, string Value)[] typed) => SendAsync(null, typed);

    /// <summary>Sends a form without following where it leads.</summary>
    public Task<Answer> PostAsync((string Action, Dictionary<string, string> Fields) form, IEnumerable<(string Name, string Value)> typed, params (string Name, string Value)[] headers)
    {
        var fields = new Dictionary<string, string>(form.Fields);
        foreach (var (name, value) in typed)
        {
            fields[name] = value;
        }
        return Browser.PostAsync(form.Action, fields, headers.Length > 0 ? headers : [("Accept", "text/html"), ("Origin", Under is null ? server.PublicUrl : $"https://{Under}"), ("Sec-Fetch-Site", "same-origin"), .. Host]);
    }

    /// <summary>A form of the page: where it goes, and what it holds.</summary>
    public (string Action, Dictionary<string, string> Fields) Form(string? button = null)
    {
        foreach (Match form in Forms().Matches(Page.Text))
        {
            if (button is null || form.Value.Contains($"name=\"{button}\"", StringComparison.Ordinal))
            {
                var fields = Inputs().Matches(form.Groups[2].Value).Select(m => m.Value).Where(i => i.Contains(" name=", StringComparison.Ordinal))
                    .ToDictionary(i => Attribute(i, "name")!, i => Attribute(i, "value") ?? "");
                return (Attribute(form.Groups[1].Value, "action")!, fields);
            }
        }
        throw new InvalidOperationException($"There is no such form: {Page.Status} {Page.Text}");
    }

    /// <summary>To the application by address and password.</summary>
    public async Task<Person> SignInAsync(string email, string password = Password)
    {
        await SendAsync(("email", email));
        await SendAsync(("password", password));
        return this;
    }

    public Task<Answer> RedeemAsync(params (string Name, string? Value)[] more) => SignedIn.AskAsync(server, "authorization_code", [.. more, ("code", Code)]);

    /// <summary>Does something that has a code mailed, and tells the code of that mail.</summary>
    public async Task<string> MailedAsync(Func<Task<Answer>> work)
    {
        var before = Items(server);
        await work();
        var made = Items(server).Except(before).ToList();
        Assert.True(made.Count == 1, $"One code was to be mailed, not {made.Count}: {Page.Status} {Path} {Fault}");
        return server.Services.GetRequiredService<Holdfast.Users.ItemSecrets>().Code(server.A.Id, made[0]);
    }

    private static List<string> Items(HoldfastServer server) => server.Storage.Database.Read(view => view.Query<string>("SELECT id FROM pending_items"));

    /// <summary>The same browser at another node, or at one that has started anew.</summary>
    public Person At(HoldfastServer other)
    {
        var browser = new Browser(other);
        foreach (var (name, (value, path)) in Browser.Cookies)
        {
            browser.Set(name, value, path);
        }
        return new Person(other) { Browser = browser, Page = Page, Path = Path };
    }

    public Person Copy() => new(server) { Browser = Browser.Copy(), Page = Page, Path = Path };

    private async Task FollowAsync(Answer answer, string at)
    {
        for (var i = 0; answer.Status is 302 or 303 && answer.Location is ['/', ..] && i < 10; i++)
        {
            at = answer.Location;
            answer = await Browser.GetAsync(at, [("Accept", "text/html"), .. Host]);
        }
        (Page, Path) = (answer, answer.Status is 302 or 303 ? null : at.Split('?')[0]);
    }

    private static string? Attribute(string tag, string name) => Regex.Match(tag, $"\\b{name}=\"([^\"]*)\"") is { Success: true } match ? WebUtility.HtmlDecode(match.Groups[1].Value) : null;

    private static string Text(string html) => WebUtility.HtmlDecode(Regex.Replace(html, "<[^>]*>", "")).Trim();

    [GeneratedRegex("<form([^>]*)>(.*?)</form>", RegexOptions.Singleline)]
    private static partial Regex Forms();

    [GeneratedRegex("<input[^>]*>")]
    private static partial Regex Inputs();
}
