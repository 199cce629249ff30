using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Web;
using Holdfast.Dev;
using Holdfast.Resilience;

namespace Holdfast.Bench;

/// <summary>A browser and an application in one: signs people in at a server of <c>holdfast dev</c> over HTTP, step by step as both would.</summary>
internal sealed partial class SignInClient(LoopbackClient http, DevFile dev)
{
    /// <summary>Somebody who was signed in.</summary>
    /// <param name="AccessToken">Shows the profile.</param>
    internal sealed record SignedIn(string Code, string ProfileId, string AccessToken);

    /// <summary>The whole way: the application's page, the identity provider's form, back, the code, the profile.</summary>
    /// <param name="connectionId">Null for the demo's connection of this method.</param>
    /// <exception cref="SignInFailedException">A step was answered otherwise.</exception>
    /// <exception cref="HttpRequestException">The server went away.</exception>
    public async Task<SignedIn> SignInAsync(SignInMethod method, string email, CancellationToken ct, string? connectionId = null)
    {
        var signedIn = await RedeemAsync(await ObtainCodeAsync(method, email, ct, connectionId), ct);
        var (status, _, profile) = await SendAsync(HttpMethod.Get, "/sso/profile", null, null, signedIn.AccessToken, ct);
        return status == 200 && Text(profile, "id") == signedIn.ProfileId && Text(profile, "email") == email
            ? signedIn
            : throw new SignInFailedException("/sso/profile", status, profile);
    }

    /// <summary>The browser's part: what it brings back to the application.</summary>
    public async Task<string> ObtainCodeAsync(SignInMethod method, string email, CancellationToken ct, string? connectionId = null)
    {
        connectionId ??= method == SignInMethod.Saml ? dev.Connections.Saml : dev.Connections.Oidc;
        var state = Convert.ToHexStringLower(Guid.CreateVersion7().ToByteArray());
        var start = await SendAsync(HttpMethod.Get,
            $"/sso/authorize?response_type=code&client_id={dev.ClientId}&connection={connectionId}&state={state}&redirect_uri={Uri.EscapeDataString(dev.RedirectUri)}",
            null, null, null, ct);
        var cookie = Cookie(start.Answer);
        var provider = Target("/sso/authorize", start);
        if (provider.StartsWith(dev.RedirectUri, StringComparison.Ordinal))
        {
            throw new SignInFailedException("/sso/authorize", start.Status, provider);
        }
        var page = Expect("identity provider", 200, await SendAsync(HttpMethod.Get, provider, null, null, null, ct));
        var form = Fields(page);
        form["email"] = email;
        form["decision"] = "sign_in";
        var posted = await SendAsync(HttpMethod.Post, Action(page), form, null, null, ct);
        (int Status, HttpResponseHeaders Answer, string Body) back;
        if (method == SignInMethod.Saml)
        {
            var onward = Expect("identity provider's form", 200, posted);
            back = await SendAsync(HttpMethod.Post, Action(onward), Fields(onward), cookie, null, ct);
        }
        else
        {
            back = await SendAsync(HttpMethod.Get, Target("identity provider's form", posted), null, cookie, null, ct);
        }
        var end = Target("coming back", back);
        var query = HttpUtility.ParseQueryString(new Uri(end).Query);
        return query["code"] is { } code && query["state"] == state ? code : throw new SignInFailedException("coming back", back.Status, end);
    }

    /// <summary>The application's part.</summary>
    public async Task<SignedIn> RedeemAsync(string code, CancellationToken ct)
    {
        var (status, body) = await TryRedeemAsync(code, ct);
        if (status != 200)
        {
            throw new SignInFailedException("/sso/token", status, body);
        }
        using var json = JsonDocument.Parse(body);
        return new SignedIn(code, json.RootElement.GetProperty("profile").GetProperty("id").GetString()!, json.RootElement.GetProperty("access_token").GetString()!);
    }

    public async Task<(int Status, string Body)> TryRedeemAsync(string code, CancellationToken ct)
    {
        var (status, _, body) = await SendAsync(HttpMethod.Post, "/sso/token", new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["grant_type"] = "authorization_code", ["client_id"] = dev.ClientId, ["client_secret"] = dev.ApiKey, ["code"] = code,
        }, null, null, ct);
        return (status, body);
    }

    private async Task<(int Status, HttpResponseHeaders Answer, string Body)> SendAsync(
        HttpMethod method, string address, Dictionary<string, string>? form, string? cookie, string? bearer, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, new Uri(new Uri(dev.BaseUrl), address));
        if (form is not null)
        {
            request.Content = new FormUrlEncodedContent(form);
        }
        if (cookie is not null)
        {
            request.Headers.Add("Cookie", cookie);
        }
        if (bearer is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        }
        using var answer = await http.SendAsync(request, ct);
        return ((int)answer.StatusCode, answer.Headers, await answer.Content.ReadAsStringAsync(ct));
    }

    private static string Expect(string step, int status, (int Status, HttpResponseHeaders Answer, string Body) got) =>
        got.Status == status ? got.Body : throw new SignInFailedException(step, got.Status, got.Body);

    private static string Target(string step, (int Status, HttpResponseHeaders Answer, string Body) got) =>
        got.Status is 302 or 303 && got.Answer.Location is { } target ? target.OriginalString : throw new SignInFailedException(step, got.Status, got.Body);

    private static string Cookie(HttpResponseHeaders answer) =>
        answer.TryGetValues("Set-Cookie", out var cookies) ? string.Join("; ", cookies.Select(c => c.Split(';')[0])) : "";

    private static string Action(string page) => HttpUtility.HtmlDecode(FormAction().Match(page).Groups[1].Value);

    private static Dictionary<string, string> Fields(string page)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (Match input in Input().Matches(page))
        {
            if (Name().Match(input.Value) is { Success: true } name)
            {
                fields[HttpUtility.HtmlDecode(name.Groups[1].Value)] = HttpUtility.HtmlDecode(Value().Match(input.Value).Groups[1].Value);
            }
        }
        return fields;
    }

    private static string? Text(string json, string name)
    {
        using var read = JsonDocument.Parse(json);
        return read.RootElement.GetProperty(name).GetString();
    }

    [GeneratedRegex("<form[^>]* action=\"([^\"]*)\"")]
    private static partial Regex FormAction();

    [GeneratedRegex("<input[^>]*>")]
    private static partial Regex Input();

    [GeneratedRegex(" name=\"([^\"]*)\"")]
    private static partial Regex Name();

    [GeneratedRegex(" value=\"([^\"]*)\"")]
    private static partial Regex Value();
}
