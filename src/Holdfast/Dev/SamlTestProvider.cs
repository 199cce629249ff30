using System.Security.Cryptography;
using System.Text;
using Holdfast.Protocols.Saml;

namespace Holdfast.Dev;

/// <summary>A SAML identity provider that believes what it is told: SP-initiated sign-in, HTTP-Redirect in and HTTP-POST out (SAML 2.0
/// Profiles §4.1). It knows no service provider, so it answers to our own address only.</summary>
internal sealed class SamlTestProvider(TestIdentityProviderKeys keys, OwnAddress own, TimeProvider clock)
{
    public const string Path = "/dev/idp/saml";

    public string EntityId { get; } = own.Url($"{Path}/metadata");

    public string SsoUrl { get; } = own.Url($"{Path}/sso");

    public Task MetadataAsync(HttpContext http)
    {
        http.Response.ContentType = "application/samlmetadata+xml";
        http.Response.Headers.XContentTypeOptions = "nosniff";
        return http.Response.WriteAsync(SamlIssuer.Metadata(EntityId, SsoUrl, keys.SamlCertificate), Encoding.UTF8);
    }

    /// <summary>Shows the form.</summary>
    public Task ShowAsync(HttpContext http)
    {
        var (message, relayState) = (http.Request.Query["SAMLRequest"].ToString(), http.Request.Query["RelayState"].ToString());
        return TryRead(message, out var request, out var fault)
            ? FormAsync(http, request, message, relayState, TestPerson.Ada, fault: null)
            : StrangeAsync(http, fault);
    }

    /// <summary>Takes the form, and answers with another that posts the response to who asked.</summary>
    public async Task SignInAsync(HttpContext http)
    {
        if (await TestPages.ReadFormAsync(http) is not { } form)
        {
            await StrangeAsync(http, "What was posted is not a form.");
            return;
        }
        var (message, relayState) = (form["SAMLRequest"].ToString(), form["RelayState"].ToString());
        if (!TryRead(message, out var request, out var strange))   // once more: a post may come from anywhere
        {
            await StrangeAsync(http, strange);
            return;
        }
        var person = TestPerson.Read(form);
        if (person.Fault() is { } fault)
        {
            await FormAsync(http, request, message, relayState, person, fault);
            return;
        }
        var response = SamlIssuer.Issue(
            new SamlIssue(NewId(), NewId(), EntityId, request.Issuer, request.AcsUrl!, request.Id, person.Email, clock.GetUtcNow())
            {
                SessionIndex = NewId(),
                Attributes = Attributes(person),
            },
            keys.SamlCertificate);
        var carried = new List<KeyValuePair<string, string>> { new("SAMLResponse", response) };
        if (relayState.Length > 0)
        {
            carried.Add(new("RelayState", relayState));   // as it came, and absent when none did (SAML 2.0 Bindings §3.5.3)
        }
        await TestPages.PostOnAsync(http, request.AcsUrl!, carried);
    }

    private static Dictionary<string, IReadOnlyList<string>> Attributes(TestPerson person)
    {
        var attributes = new Dictionary<string, IReadOnlyList<string>>
        {
            ["id"] = [person.Subject], ["email"] = [person.Email], ["firstName"] = [person.FirstName], ["lastName"] = [person.LastName],
        };
        if (person.Groups.Count > 0)
        {
            attributes["groups"] = person.Groups;
        }
        return attributes;
    }

    private static string NewId() => AuthnRequest.NewId(RandomNumberGenerator.GetBytes(16));

    private bool TryRead(string message, out AuthnRequestRead.Request request, out string fault)
    {
        (request, fault) = AuthnRequest.Read(message) switch
        {
            AuthnRequestRead.Refused refused => (null!, $"The SAML request cannot be read: {refused.Detail}"),
            AuthnRequestRead.Request { AcsUrl: null } => (null!, "The SAML request does not say where its answer goes."),
            AuthnRequestRead.Request { AcsUrl: { } acs } when !own.Holds(acs) => (null!, "The answer would go to somewhere else than this Holdfast."),
            AuthnRequestRead.Request { Destination: { } meant } when meant != SsoUrl => (null!, "The SAML request is meant for another identity provider."),
            AuthnRequestRead.Request sound => (sound, ""),
            var other => throw new InvalidOperationException($"No such reading: {other}."),
        };
        return request is not null;
    }

    private static Task FormAsync(
        HttpContext http, AuthnRequestRead.Request request, string message, string relayState, TestPerson person, string? fault) =>
        TestPages.SignInAsync(
            http, $"{Path}/sso", request.Issuer, [new("SAMLRequest", message), new("RelayState", relayState)], person, fault, mayRefuse: false);

    private Task StrangeAsync(HttpContext http, string fault) =>
        TestPages.RefusedAsync(http, fault, $"Start from a connection of the Holdfast at {own.PublicUrl}.");
}
