using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Holdfast.Environments;
using Holdfast.Protocols.Saml;
using Microsoft.AspNetCore.WebUtilities;

namespace Holdfast.Tests;

/// <summary>A customer's SAML identity provider, in the test's hands.</summary>
internal sealed class SamlProvider
{
    private static readonly Lazy<X509Certificate2> One = new(MakeCertificate);   // slow to make, so all tests share it

    public static X509Certificate2 Certificate => One.Value;

    public string EntityId { get; init; } = $"https://idp.test/{Unique()}";

    public string SsoUrl { get; } = "https://idp.test/sso";

    /// <summary>Something that nobody else has.</summary>
    public static string Unique() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));

    public static X509Certificate2 MakeCertificate()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=idp.test", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return request.CreateSelfSigned(new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(2040, 1, 1, 0, 0, 0, TimeSpan.Zero));
    }
}

/// <summary>A SAML connection of the server, and how people sign in through it.</summary>
internal sealed record SamlConnection(HoldfastServer Server, string Id, string OrganizationId, SamlProvider Provider, string AcsUrl)
{
    /// <summary>A sign-in that has reached the identity provider.</summary>
    public sealed record Begun(Browser Browser, string RequestId, string Issuer, string RelayState);

    public string AuthorizePath(params (string Name, string? Value)[] parameters)
    {
        var all = new Dictionary<string, string?>
        {
            ["client_id"] = Server.A.ClientId, ["redirect_uri"] = HoldfastServer.Callback, ["response_type"] = "code", ["connection"] = Id,
        };
        foreach (var (name, value) in parameters)
        {
            all[name] = value;
        }
        return QueryHelpers.AddQueryString("/sso/authorize", all);
    }

    public async Task<Begun> BeginAsync(Browser? browser = null, params (string Name, string? Value)[] parameters)
    {
        browser ??= new Browser(Server);
        return Read(browser, (await browser.GetAsync(AuthorizePath(parameters))).Is(302));
    }

    /// <summary>What an answer that leads to the identity provider asks of it.</summary>
    public static Begun Read(Browser browser, Answer answer)
    {
        var request = Assert.IsType<AuthnRequestRead.Request>(AuthnRequest.Read(answer.Sent("SAMLRequest")!));
        return new Begun(browser, request.Id, request.Issuer, answer.Sent("RelayState")!);
    }

    /// <summary>The identity provider's answer, in base64.</summary>
    public string Response(Begun? to, string nameId, Func<SamlIssue, SamlIssue>? change = null, X509Certificate2? signedBy = null)
    {
        var issue = new SamlIssue(
            NewId(), NewId(), Provider.EntityId, to?.Issuer ?? $"{Server.PublicUrl}/sso/saml/metadata/{Id}", AcsUrl, to?.RequestId, nameId, Server.Clock.GetUtcNow())
        {
            Attributes = new Dictionary<string, IReadOnlyList<string>> { ["firstName"] = ["Ada"], ["lastName"] = ["Lovelace"], ["groups"] = ["Engineering", "Math"] },
        };
        return SamlIssuer.Issue(change?.Invoke(issue) ?? issue, signedBy ?? SamlProvider.Certificate);
    }

    public Task<Answer> PostAsync(Browser browser, string response, string? relayState, params (string Name, string Value)[] more)
    {
        var form = new List<KeyValuePair<string, string>> { new("SAMLResponse", response) };
        if (relayState is not null)
        {
            form.Add(new("RelayState", relayState));
        }
        return browser.PostAsync(AcsUrl, form.Concat(more.Select(m => KeyValuePair.Create(m.Name, m.Value))));
    }

    public Task<Answer> FinishAsync(Begun begun, string nameId = "ada@acme.test", Func<SamlIssue, SamlIssue>? change = null) =>
        PostAsync(begun.Browser, Response(begun, nameId, change), begun.RelayState);

    /// <summary>A whole sign-in.</summary>
    /// <returns>The code.</returns>
    public async Task<string> SignInAsync(string nameId = "ada@acme.test", params (string Name, string? Value)[] parameters) =>
        (await FinishAsync(await BeginAsync(null, parameters), nameId)).Is(302).Sent("code") ?? throw new InvalidOperationException("There is no code.");

    /// <summary>Exchanges a code as an SDK does. A value of null leaves a field out.</summary>
    public Task<Answer> RedeemAsync(string code, params (string Name, string? Value)[] parameters) => RedeemAsync(Server, Server.A, code, null, parameters);

    /// <summary>The same for any environment, with an <c>Idempotency-Key</c>.</summary>
    public static Task<Answer> RedeemAsync(HoldfastServer server, NewEnvironment environment, string code, string? key, params (string Name, string? Value)[] parameters)
    {
        var form = new Dictionary<string, string?>
        {
            ["client_id"] = environment.ClientId, ["client_secret"] = environment.ApiKey, ["grant_type"] = "authorization_code", ["code"] = code,
        };
        foreach (var (name, value) in parameters)
        {
            form[name] = value;
        }
        return server.SendAsync("POST", "/sso/token", null,
            new FormUrlEncodedContent(form.Where(f => f.Value is not null).Select(f => KeyValuePair.Create(f.Key, f.Value!))), key is null ? [] : [("Idempotency-Key", key)]);
    }

    /// <summary>The profile that a token shows.</summary>
    public Task<Answer> ProfileAsync(string token) => Server.SendAsync("GET", "/sso/profile", token);

    private static string NewId() => AuthnRequest.NewId(RandomNumberGenerator.GetBytes(16));
}
