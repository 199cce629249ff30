using Holdfast.AuthKit;
using Holdfast.Users;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.AuthKit;

/// <summary>Passkeys, by the parts that the pages stand on: what is taken, and what is not (WebAuthn §7.1, §7.2).</summary>
public sealed class PasskeyTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    private Passkeys Passkeys => _server.Services.GetRequiredService<Passkeys>();

    private PendingAuthentication Pending(string userId) => PendingAuthentication.Of(
        _server.Services.GetRequiredService<Acts>().Of(_server.A.Id), new(userId), SignInMethod.Password, TimeSpan.FromMinutes(10), PendingAuthentication.Passkey);

    private static DefaultHttpContext Http() => new();

    private async Task<(Person Person, Authenticator Passkey, string FactorId)> RegisteredAsync()
    {
        var person = await Person.MakeAsync(_server);
        var passkey = new Authenticator();
        return (person, passkey, (await RegisterAsync(person, passkey)).Answer!);
    }

    private async Task<Ruling<string>> RegisterAsync(Person person, Authenticator passkey, Authenticator.Lie? lie = null)
    {
        var question = (await Passkeys.AskForNewAsync(Http(), _server.A.Id, person.UserId))!;
        return await Passkeys.KeepAsync(Http(), _server.A.Id, Pending(person.UserId), question.Token, passkey.Register(question.Options, lie));
    }

    private async Task<BeginSession.Outcome> SignInAsync(Authenticator passkey, Authenticator.Lie? lie = null)
    {
        var question = (await Passkeys.AskAsync(Http(), _server.A.Id))!;
        return await Passkeys.SignInAsync(Http(), _server.A.Id, question.Token, passkey.Sign(question.Options, lie));
    }

    [Fact]
    public async Task A_passkey_signs_in_whose_it_is_and_counts_as_both_factors()
    {
        var (person, passkey, factorId) = await RegisteredAsync();
        using var _ = passkey;
        await person.EnrollAsync();   // who is asked for it after a password
        var organization = await person.JoinAsync();
        (await _server.PutAsync($"/organizations/{organization}/sign_in_policy", new { mfa = "required" })).Is(200);
        passkey.SignCount = 2;

        var session = (await SignInAsync(passkey)).Session!;

        Assert.Equal((person.UserId, factorId, "passkey", organization), (session.UserId, session.FactorId, session.Method, session.ActsIn));
        var listed = (await _server.GetAsync($"/user_management/users/{person.UserId}/sessions")).Is(200).Json.GetProperty("data")[0];
        Assert.Equal("passkey", listed.GetProperty("auth_method").GetString());
        var shown = (await _server.GetAsync($"/auth/factors/{factorId}")).Is(200);
        Assert.Equal(("webauthn", person.UserId), (shown["type"], shown["user_id"]));
        (await _server.PostAsync($"/auth/factors/{factorId}/challenge", new { })).Is(422, "factor_not_challengeable");
        Assert.Contains(factorId, (await _server.GetAsync($"/user_management/users/{person.UserId}/auth_factors")).Is(200).Ids);

        (await _server.DeleteAsync($"/auth/factors/{factorId}")).Is(204);
        passkey.SignCount = 3;
        Assert.Equal(Refusal.WrongCredential, (await SignInAsync(passkey)).Refused);
        Assert.Equal(Refusal.CredentialTaken, (await RegisterAsync(person, passkey)).Refused);   // gone is gone
    }

    public static TheoryData<string> Lies => ["origin", "subdomain", "http", "frame", "type", "challenge", "rp", "not present", "not verified"];

    private static Authenticator.Lie Tell(string lie) => lie switch
    {
        "origin" => new(Origin: "https://evil.test"),
        "subdomain" => new(Origin: "https://a.id.holdfast.test"),
        "http" => new(Origin: "http://id.holdfast.test"),
        "frame" => new(CrossOrigin: true),
        "type" => new(Type: "payment.get"),
        "challenge" => new(Challenge: new byte[16]),
        "rp" => new(RpId: "holdfast.test"),
        "not present" => new(Flags: 0x44),
        "not verified" => new(Flags: 0x41),
        _ => throw new ArgumentOutOfRangeException(nameof(lie)),
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public async Task Whoever_lies_registers_nothing_and_is_not_let_in(string lie)
    {
        var (person, passkey, _) = await RegisteredAsync();
        using var other = new Authenticator();
        using var mine = passkey;
        Assert.Equal(Refusal.WrongCredential, (await _server.WithoutEffectAsync(() => RegisterAsync(person, other, Tell(lie)))).Refused);
        var told = Tell(lie);
        mine.SignCount = 2;
        Assert.Equal(Refusal.WrongCredential, (await _server.WithoutEffectAsync(() => SignInAsync(mine, told with { Flags = told.Flags is { } f ? (byte)(f & 0x3F) : null }))).Refused);
        Assert.NotNull((await SignInAsync(mine)).Session);
    }

    [Fact]
    public async Task A_wrong_signature_an_unknown_passkey_and_another_s_handle_let_nobody_in()
    {
        var (person, passkey, _) = await RegisteredAsync();
        using var __ = passkey;
        passkey.SignCount = 2;
        Assert.Equal(Refusal.WrongCredential, (await SignInAsync(passkey, new(WrongSignature: true))).Refused);
        var other = await Person.MakeAsync(_server);
        Assert.Equal(Refusal.WrongCredential, (await SignInAsync(passkey, new(UserHandle: System.Text.Encoding.UTF8.GetBytes(other.UserId)))).Refused);
        using var unknown = new Authenticator();
        Assert.Equal(Refusal.WrongCredential, (await SignInAsync(unknown, new(UserHandle: System.Text.Encoding.UTF8.GetBytes(person.UserId)))).Refused);
        using var sameId = new Authenticator { CredentialId = passkey.CredentialId };
        Assert.Equal(Refusal.WrongCredential, (await SignInAsync(sameId, new(UserHandle: System.Text.Encoding.UTF8.GetBytes(person.UserId)))).Refused);
        // A credential is one's in an environment.
        Assert.Equal(Refusal.WrongCredential, (await RegisterAsync(other, sameId)).Refused);
        Assert.NotNull((await SignInAsync(passkey)).Session);
    }

    [Fact]
    public async Task A_question_is_answered_once_in_time_and_by_whom_it_was_put_to()
    {
        var (person, passkey, _) = await RegisteredAsync();
        using var __ = passkey;
        var question = (await Passkeys.AskAsync(Http(), _server.A.Id))!;
        passkey.SignCount = 2;
        var answer = passkey.Sign(question.Options);
        Task<BeginSession.Outcome> SendAsync(string token, string? environment = null) => Passkeys.SignInAsync(Http(), environment ?? _server.A.Id, token, answer);

        Assert.Equal(Refusal.ItemUnknown, (await SendAsync("x")).Refused);
        Assert.Equal(Refusal.ItemUnknown, (await SendAsync(question.Token, _server.B.Id)).Refused);
        Assert.Equal(Refusal.ItemUnknown, (await SendAsync((await Passkeys.AskForNewAsync(Http(), _server.A.Id, person.UserId))!.Token)).Refused);
        Assert.Equal(Refusal.WrongCredential, (await SendAsync((await Passkeys.AskAsync(Http(), _server.A.Id))!.Token)).Refused);   // another question's answer
        var at_once = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => SendAsync(question.Token)));
        Assert.Single(at_once, o => o.Session is not null);
        Assert.Equal(Refusal.ItemUnknown, (await SendAsync(question.Token)).Refused);

        var late = (await Passkeys.AskAsync(Http(), _server.A.Id))!;
        passkey.SignCount = 3;
        var lateAnswer = passkey.Sign(late.Options);
        _server.Clock.Advance(Passkeys.Lifetime);
        Assert.Equal(Refusal.ItemUnknown, (await Passkeys.SignInAsync(Http(), _server.A.Id, late.Token, lateAnswer)).Refused);
        Assert.Equal(Refusal.ItemUnknown, (await Passkeys.SignInAsync(Http(), _server.A.Id, (await Passkeys.AskAsync(Http(), _server.A.Id))!.Token, new string('x', 100_000))).Refused);

        // What was put to one user registers nothing for another.
        var mine = (await Passkeys.AskForNewAsync(Http(), _server.A.Id, person.UserId))!;
        using var fresh = new Authenticator();
        var other = await Person.MakeAsync(_server);
        Assert.Equal(Refusal.ItemUnknown, (await Passkeys.KeepAsync(Http(), _server.A.Id, Pending(other.UserId), mine.Token, fresh.Register(mine.Options))).Refused);
    }

    [Theory]
    [InlineData(5, 4, false)]
    [InlineData(5, 5, false)]
    [InlineData(5, 0, false)]
    [InlineData(5, 6, true)]
    [InlineData(0, 0, true)]
    [InlineData(0, 7, true)]
    public async Task A_count_that_goes_back_is_a_copy_and_is_told(int first, int second, bool taken)
    {
        var person = await Person.MakeAsync(_server);
        using var passkey = new Authenticator { SignCount = (uint)first };
        await RegisterAsync(person, passkey);
        var told = _server.Events("authentication.passkey_failed");
        passkey.SignCount = (uint)second;

        var outcome = await SignInAsync(passkey);

        Assert.Equal((taken, taken ? null : Refusal.PasskeyCopied), (outcome.Session is not null, outcome.Refused));
        Assert.Equal(taken ? 0 : 1, _server.Events("authentication.passkey_failed") - told);
        var count = _server.Storage.Database.Read(view => view.Find<long>("SELECT sign_count FROM factors WHERE user_id = @UserId", new { person.UserId }));
        Assert.Equal(taken ? second : first, count);
    }

    [Fact]
    public async Task What_is_asked_for_is_a_passkey_that_knows_its_person_and_asks_them()
    {
        var (person, passkey, _) = await RegisteredAsync();
        using var __ = passkey;
        using var asked = System.Text.Json.JsonDocument.Parse((await Passkeys.AskForNewAsync(Http(), _server.A.Id, person.UserId))!.Options);
        var selection = asked.RootElement.GetProperty("authenticatorSelection");
        Assert.Equal(("required", "required", "none", "id.holdfast.test"), (selection.GetProperty("residentKey").GetString(), selection.GetProperty("userVerification").GetString(),
            asked.RootElement.GetProperty("attestation").GetString(), asked.RootElement.GetProperty("rp").GetProperty("id").GetString()));
        Assert.Single(asked.RootElement.GetProperty("excludeCredentials").EnumerateArray());
        using var question = System.Text.Json.JsonDocument.Parse((await Passkeys.AskAsync(Http(), _server.A.Id))!.Options);
        Assert.Equal("required", question.RootElement.GetProperty("userVerification").GetString());
        Assert.Empty(question.RootElement.TryGetProperty("allowCredentials", out var allowed) ? [.. allowed.EnumerateArray()] : Array.Empty<System.Text.Json.JsonElement>());
    }

    [Fact]
    public async Task Garbage_is_refused_and_nothing_breaks()
    {
        var (person, passkey, _) = await RegisteredAsync();
        using var __ = passkey;
        foreach (var answer in new[] { "", "{}", "null", "[]", "{\"id\":1}", "x", """{"id":"AA","rawId":"AA","type":"public-key","response":{},"clientExtensionResults":{}}""" })
        {
            var question = (await Passkeys.AskAsync(Http(), _server.A.Id))!;
            Assert.Equal(Refusal.WrongCredential, (await Passkeys.SignInAsync(Http(), _server.A.Id, question.Token, answer)).Refused);
            var another = (await Passkeys.AskForNewAsync(Http(), _server.A.Id, person.UserId))!;
            Assert.Equal(Refusal.WrongCredential, (await Passkeys.KeepAsync(Http(), _server.A.Id, Pending(person.UserId), another.Token, answer)).Refused);
        }
    }
}
