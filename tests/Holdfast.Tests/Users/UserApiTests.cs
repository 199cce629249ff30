using Holdfast.Claims;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.Tests.Users;

/// <summary>Users as administrators see and change them: fields, bounds, what is unique, and the events.</summary>
public sealed class UserApiTests(Shared shared) : IClassFixture<Shared>
{
    private const string Users = "/user_management/users";

    private readonly HoldfastServer _server = shared.Server;

    [Fact]
    public async Task A_user_is_read_back_as_they_were_made()
    {
        var (external, address) = (SamlProvider.Unique(), $"Ada.{SamlProvider.Unique()}@Example.test");
        var events = _server.Events("user.created");
        var made = (await _server.PostAsync(Users, new
        {
            email = address,
            first_name = "Ada <&'+>",
            last_name = "L\u00f6velace \ud83d\ude00",
            email_verified = true,
            external_id = external,
            metadata = new { tier = "gold" },
            ip_address = "203.0.113.1",
            user_agent = "x",
        })).Is(201);

        Assert.Equal(
            ["object", "id", "first_name", "last_name", "name", "profile_picture_url", "email", "email_verified", "external_id", "metadata", "last_sign_in_at", "locale", "created_at", "updated_at"],
            made.Json.EnumerateObject().Select(p => p.Name));
        Assert.StartsWith("user_", made["id"], StringComparison.Ordinal);
        Assert.Equal(("user", address.ToLowerInvariant(), "True", "Ada <&'+> L\u00f6velace \ud83d\ude00"), (made["object"], made["email"], made["email_verified"], made["name"]));
        Assert.Equal((null, null, null), (made["profile_picture_url"], made["last_sign_in_at"], made["locale"]));
        Assert.Equal(made["created_at"], made["updated_at"]);
        Assert.Equal(made.Text, (await _server.GetAsync($"{Users}/{made["id"]}")).Is(200).Text);
        Assert.Equal(made.Text, (await _server.GetAsync($"{Users}/external_id/{external}")).Is(200).Text);
        Assert.Equal("[]", (await _server.GetAsync($"{Users}/{made["id"]}/identities")).Is(200).Text);
        Assert.Equal(events + 1, _server.Events("user.created"));
        Assert.Equal(made.Text, DataOf("user.created", made["id"]!));
    }

    [Fact]
    public async Task An_address_alone_makes_a_user_and_proves_nothing()
    {
        var address = Address();
        var made = (await _server.PostAsync(Users, new { email = address, first_name = (string?)null, email_verified = (bool?)null, password = (string?)null })).Is(201);

        Assert.Equal(("False", null, null, null, null, "{}"), (made["email_verified"], made["name"], made["first_name"], made["last_name"], made["external_id"], made["metadata"]));
        // The mailbox proves it later, and it is the same user; the event says so once.
        var updated = _server.Events("user.updated");
        await ProveAsync(address, made["id"]!);
        await ProveAsync(address, made["id"]!);
        Assert.Equal("True", (await _server.GetAsync($"{Users}/{made["id"]}"))["email_verified"]);
        Assert.Equal(updated + 1, _server.Events("user.updated"));
    }

    [Fact]
    public async Task A_change_is_of_what_it_names()
    {
        var made = (await _server.PostAsync(Users, new { email = Address(), first_name = "Ada", last_name = "L", email_verified = true, external_id = SamlProvider.Unique(), metadata = new { a = "1", b = "2" } })).Is(201);
        var changed = (await _server.PutAsync($"{Users}/{made["id"]}", new { last_name = "Byron", locale = "en-US" })).Is(200);

        Assert.Equal(("Ada", "Byron", "en-US", "Ada Byron"), (changed["first_name"], changed["last_name"], changed["locale"], changed["name"]));
        Assert.Equal(
            (made["email"], made["email_verified"], made["external_id"], made["metadata"], made["created_at"]),
            (changed["email"], changed["email_verified"], changed["external_id"], changed["metadata"], changed["created_at"]));
        Assert.True(string.CompareOrdinal(changed["updated_at"], made["updated_at"]) > 0);
        Assert.Equal(changed.Text, (await _server.GetAsync($"{Users}/{made["id"]}")).Text);
        Assert.Equal(changed.Text, DataOf("user.updated", made["id"]!));
        Assert.Equal("""{"a":"3"}""", (await _server.PutAsync($"{Users}/{made["id"]}", """{"metadata":{"a":"3","b":null}}""")).Is(200)["metadata"]);
        Assert.Equal("{}", (await _server.PutAsync($"{Users}/{made["id"]}", """{"metadata":{}}""")).Is(200)["metadata"]);
        Assert.Equal("Countess", (await _server.PutAsync($"{Users}/{made["id"]}", new { name = "Countess" })).Is(200)["name"]);
        Assert.Equal("Ada Byron", (await _server.PutAsync($"{Users}/{made["id"]}", """{"name":null,"locale":null}""")).Is(200)["name"]);
    }

    [Fact]
    public async Task Another_address_is_unproven_until_somebody_says_otherwise_and_the_old_one_is_free()
    {
        var (old, other) = (Address(), Address());
        var id = (await _server.PostAsync(Users, new { email = old, email_verified = true })).Is(201)["id"]!;
        var changed = (await _server.PutAsync($"{Users}/{id}", new { email = other.ToUpperInvariant() })).Is(200);
        Assert.Equal((other, "False"), (changed["email"], changed["email_verified"]));
        Assert.Equal([id], (await _server.GetAsync($"{Users}?email={other.ToUpperInvariant()}")).Ids);
        Assert.Empty((await _server.GetAsync($"{Users}?email={old}")).Ids);

        Assert.Equal("True", (await _server.PutAsync($"{Users}/{id}", new { email_verified = true })).Is(200)["email_verified"]);
        Assert.Equal("False", (await _server.PutAsync($"{Users}/{id}", new { email_verified = false })).Is(200)["email_verified"]);
        Assert.Equal("True", (await _server.PutAsync($"{Users}/{id}", new { email = old, email_verified = true })).Is(200)["email_verified"]);
        // Back again, proof and all: what was proven of the other address does not come back with it.
        Assert.Equal("False", (await _server.PutAsync($"{Users}/{id}", new { email = other })).Is(200)["email_verified"]);
        Assert.NotEqual(id, (await _server.PostAsync(Users, new { email = old })).Is(201)["id"]);
    }

    /// <summary>PLAT-009: what a caller may not decide is not heard, when something is made and when it is changed.</summary>
    [Fact]
    public async Task Nobody_gives_themselves_an_id_a_time_or_a_state()
    {
        var (invented, organization) = ($"user_{new string('7', 26)}", await _server.OrganizationAsync());
        var more = new Dictionary<string, object?>
        {
            ["id"] = invented, ["object"] = "organization", ["created_at"] = "2000-01-01T00:00:00.000Z", ["updated_at"] = "2000-01-01T00:00:00.000Z", ["last_sign_in_at"] = "2000-01-01T00:00:00.000Z",
            ["environment_id"] = _server.B.Id, ["state"] = "accepted", ["status"] = "inactive", ["accepted_at"] = "2000-01-01T00:00:00.000Z", ["accepted_user_id"] = invented, ["token"] = "mine",
            ["is_default"] = true, ["default"] = true, ["hash"] = "x", ["term"] = 99, ["role"] = "admin",
        };
        Dictionary<string, object?> With(params (string Name, object? Value)[] own) => new(more.Concat(own.Select(o => KeyValuePair.Create(o.Name, o.Value))));
        void Unheard(Answer answer)
        {
            Assert.DoesNotContain(invented, answer.Text, StringComparison.Ordinal);
            Assert.DoesNotContain("2000-01-01", answer.Text, StringComparison.Ordinal);
            Assert.DoesNotContain(_server.B.Id, answer.Text, StringComparison.Ordinal);
        }

        var user = (await _server.PostAsync(Users, With(("email", Address())))).Is(201);
        Assert.Equal(("user", "False", null), (user["object"], user["email_verified"], user["last_sign_in_at"]));
        var changed = (await _server.PutAsync($"{Users}/{user["id"]}", With(("first_name", "Ada")))).Is(200);
        Assert.Equal((user["id"], "Ada", user["created_at"], "False"), (changed["id"], changed["first_name"], changed["created_at"], changed["email_verified"]));
        var membership = (await _server.PostAsync("/user_management/organization_memberships", With(("user_id", user["id"]), ("organization_id", organization)))).Is(201);
        Assert.Equal(("organization_membership", "active", "member"), (membership["object"], membership["status"], membership.Json.GetProperty("role").GetProperty("slug").GetString()));
        var invitation = (await _server.PostAsync("/user_management/invitations", With(("email", Address())))).Is(201);
        Assert.Equal(("pending", null), (invitation["state"], invitation["accepted_at"]));
        Assert.NotEqual("mine", invitation["token"]);
        var uri = (await _server.PostAsync("/user_management/redirect_uris", With(("uri", $"https://app.test/{SamlProvider.Unique()}")))).Is(201);
        Assert.Equal("False", uri["default"]);
        Assert.All([user, changed, membership, invitation, uri], Unheard);
        (await _server.GetAsync($"{Users}/{invented}")).Is(404);
        (await _server.SendAsync("GET", $"{Users}/{user["id"]}", _server.B.ApiKey)).Is(404);
    }

    [Fact]
    public async Task An_address_has_one_holder_until_they_are_deleted()
    {
        var address = Address();
        var first = (await _server.PostAsync(Users, new { email = address })).Is(201)["id"];
        var other = (await _server.PostAsync(Users, new { email = Address() })).Is(201)["id"];
        var refused = (await _server.WithoutEffectAsync(() => _server.PostAsync(Users, new { email = address.ToUpperInvariant() }))).Is(400, "user_creation_error");
        Assert.Equal("email_not_available", refused.Json.GetProperty("errors")[0].GetProperty("code").GetString());
        (await _server.WithoutEffectAsync(() => _server.PutAsync($"{Users}/{other}", new { email = address, external_id = SamlProvider.Unique() }))).Is(400, "email_not_available");
        (await _server.PutAsync($"{Users}/{first}", new { email = address })).Is(200);   // their own, once more

        (await _server.DeleteAsync($"{Users}/{first}")).Is(200);
        await _server.ShippedAsync();   // the primary decides who holds what, and hears of the deletion a moment later
        Assert.NotEqual(first, (await _server.PostAsync(Users, new { email = address })).Is(201)["id"]);
    }

    [Fact]
    public async Task An_external_id_has_one_holder_until_it_is_given_up_or_they_are_deleted()
    {
        var value = SamlProvider.Unique();
        Task<Answer> MakeAsync() => _server.PostAsync(Users, new { email = Address(), external_id = value });
        var first = (await MakeAsync()).Is(201)["id"];
        var other = (await _server.PostAsync(Users, new { email = Address() })).Is(201)["id"];
        var refused = (await _server.WithoutEffectAsync(MakeAsync)).Is(400, "user_creation_error");
        Assert.Equal("external_id_already_used", refused.Json.GetProperty("errors")[0].GetProperty("code").GetString());
        (await _server.WithoutEffectAsync(() => _server.PutAsync($"{Users}/{other}", new { external_id = value, email = Address() }))).Is(400, "external_id_already_used");
        (await _server.PutAsync($"{Users}/{first}", new { external_id = value })).Is(200);

        (await _server.PutAsync($"{Users}/{first}", new { external_id = (string?)null })).Is(200);
        (await _server.GetAsync($"{Users}/external_id/{value}")).Is(404, "entity_not_found");
        var second = (await MakeAsync()).Is(201)["id"];
        Assert.Equal(second, (await _server.GetAsync($"{Users}/external_id/{value}")).Is(200)["id"]);
        (await _server.DeleteAsync($"{Users}/{second}")).Is(200);
        (await _server.GetAsync($"{Users}/external_id/{value}")).Is(404, "entity_not_found");
        await _server.ShippedAsync();
        Assert.Equal(value, (await MakeAsync()).Is(201)["external_id"]);
    }

    [Fact]
    public async Task Who_is_suspended_holds_what_they_have()
    {
        var (address, external) = (Address(), SamlProvider.Unique());
        var id = (await _server.PostAsync(Users, new { email = address, external_id = external })).Is(201)["id"]!;
        await _server.Storage.Database.RecordAsync(view => DenyUser.Suspend(view, Act(), id));
        await _server.ShippedAsync();

        (await _server.PostAsync(Users, new { email = Address(), external_id = external })).Is(400, "user_creation_error");
        (await _server.PostAsync(Users, new { email = address })).Is(400, "user_creation_error");
        Assert.Equal(external, (await _server.GetAsync($"{Users}/{id}")).Is(200)["external_id"]);
    }

    [Theory]
    [InlineData("ada")]
    [InlineData("@example.test")]
    [InlineData("ada@")]
    [InlineData("ada@localhost")]
    [InlineData("ada@127.0.0.1")]
    [InlineData("a b@example.test")]
    [InlineData("a@b@example.test")]
    [InlineData("a..b@example.test")]
    [InlineData(".a@example.test")]
    [InlineData("\"a\"@example.test")]
    [InlineData("a@-example.test")]
    [InlineData("Ada <ada@example.test>")]
    public async Task An_address_is_one_that_mail_can_be_sent_to(string address)
    {
        Assert.Equal(["email invalid_email"], (await _server.WithoutEffectAsync(() => _server.PostAsync(Users, new { email = address }))).Is(422).Faults);
        var id = (await _server.PostAsync(Users, new { email = Address() })).Is(201)["id"];
        (await _server.WithoutEffectAsync(() => _server.PutAsync($"{Users}/{id}", new { email = address }))).Is(400, "invalid_email");
    }

    [Fact]
    public async Task Addresses_of_all_kinds_are_addresses()
    {
        foreach (var address in new[] { "a+b.c-d_e@x", "o'neil@x", "\u00fcber@x", new string('a', 64) + "@x" })
        {
            (await _server.PostAsync(Users, new { email = $"{address}.{SamlProvider.Unique()}.example.test" })).Is(201);
        }
        Assert.Equal(["email invalid_email"], (await _server.PostAsync(Users, new { email = new string('a', 65) + "@example.test" })).Is(422).Faults);
        Assert.Equal(["email too_long"], (await _server.PostAsync(Users, new { email = "a@" + new string('a', 250) + ".test" })).Is(422).Faults);
    }

    [Fact]
    public async Task Fields_have_their_bounds()
    {
        async Task<Answer> MakeAsync(string name, object? value) =>
            await _server.WithoutEffectAsync(() => _server.PostAsync(Users, new Dictionary<string, object?> { ["email"] = Address(), [name] = value }));
        Assert.Equal(["email required"], (await _server.PostAsync(Users, "{}")).Is(422).Faults);
        Assert.Equal(["first_name too_long"], (await MakeAsync("first_name", new string('n', 1025))).Is(422).Faults);
        Assert.Equal(["external_id too_long"], (await MakeAsync("external_id", new string('x', 129))).Is(422).Faults);
        Assert.Equal(["external_id invalid_characters"], (await MakeAsync("external_id", "\u00e4")).Is(422).Faults);
        Assert.Equal(["external_id required"], (await MakeAsync("external_id", "")).Is(422).Faults);
        Assert.Equal(["email_verified invalid_type"], (await MakeAsync("email_verified", "yes")).Is(422).Faults);
        (await MakeAsync("metadata", Enumerable.Range(0, 51).ToDictionary(i => $"k{i}", _ => "v"))).Is(400, "invalid_metadata");
        (await MakeAsync("metadata", new Dictionary<string, string> { ["k"] = new('v', 601) })).Is(400, "invalid_metadata");
        Assert.Equal(["locale invalid"], (await MakeAsync("locale", "english")).Is(422).Faults);
        var full = Enumerable.Range(0, 50).ToDictionary(i => $"k{i}", _ => "v");
        var id = (await _server.PostAsync(Users, new { email = Address(), metadata = full })).Is(201)["id"];
        (await _server.WithoutEffectAsync(() => _server.PutAsync($"{Users}/{id}", new { metadata = new { more = "v" } }))).Is(400, "invalid_metadata");
        (await _server.WithoutEffectAsync(() => _server.PutAsync($"{Users}/{id}", new { email = (string?)null }))).Is(422);
        (await _server.WithoutEffectAsync(() => _server.PutAsync($"{Users}/{id}", new { locale = "english" }))).Is(400, "invalid_locale");
    }

    [Fact] // PWD-001
    public async Task A_password_is_kept_as_a_slow_hash_and_another_one_replaces_it()
    {
        var (address, first, second) = (Address(), "a fine first password", "a fine second password");
        var id = (await _server.PostAsync(Users, new { email = address, password = first })).Is(201)["id"]!;
        Assert.Equal((true, false), (await OpensAsync(id, first), await OpensAsync(id, second)));
        Assert.StartsWith("$argon2id$v=19$m=19456,t=2,p=1$", Secrets(id).Single(), StringComparison.Ordinal);

        Assert.DoesNotContain("password", (await _server.PutAsync($"{Users}/{id}", new { password = second })).Is(200).Text, StringComparison.Ordinal);
        Assert.Equal((false, true), (await OpensAsync(id, first), await OpensAsync(id, second)));
        // An administrator's word is the end of what stood before, as a reset is.
        Assert.True(_server.Storage.Database.Read(view => Credential.IsReset(Credential.Of(view, _server.A.Id, id), Credential.Of(view, _server.A.Id, id)[0].Id)));
    }

    [Theory] // PWD-012
    [InlineData("seven77", "password_too_short")]
    [InlineData("password", "password_too_weak")]
    [InlineData("aaaaaaaaaaaa", "password_too_weak")]
    public async Task A_weak_password_is_refused(string password, string why)
    {
        var refused = (await _server.WithoutEffectAsync(() => _server.PostAsync(Users, new { email = Address(), password }))).Is(400, "password_strength_error");
        Assert.Equal(why, refused.Json.GetProperty("errors")[0].GetProperty("code").GetString());
        var id = (await _server.PostAsync(Users, new { email = Address() })).Is(201)["id"];
        (await _server.WithoutEffectAsync(() => _server.PutAsync($"{Users}/{id}", new { password }))).Is(400, "password_strength_error");
    }

    [Fact] // PWD-012
    public async Task A_password_does_not_hold_the_address_and_has_a_longest()
    {
        var address = Address();
        var id = (await _server.PostAsync(Users, new { email = address })).Is(201)["id"];
        foreach (var (password, why) in new[] { ("x" + address.ToUpperInvariant(), "password_contains_email"), (string.Concat(Enumerable.Repeat("abcd", 257)), "password_too_long") })
        {
            var refused = (await _server.PutAsync($"{Users}/{id}", new { password })).Is(400, "password_strength_error");
            Assert.Equal(why, refused.Json.GetProperty("errors")[0].GetProperty("code").GetString());
        }
    }

    [Theory] // PWD-010
    [InlineData("password_and_password_hash_provided", """ "password":"a fine password of mine","password_hash":"x","password_hash_type":"bcrypt" """)]
    [InlineData("password_and_password_hash_type_provided", """ "password":"a fine password of mine","password_hash_type":"bcrypt" """)]
    [InlineData("password_salt_position_requires_password_hash", """ "password_salt_position":"prefix" """)]
    [InlineData("invalid_password_hash", """ "password_hash":"x","password_hash_type":"bcrypt" """)]
    [InlineData("invalid_password_hash", """ "password_hash":"{SSHA}AAAA","password_hash_type":"ssha256","password_salt_position":"prefix" """)]
    public async Task Passwords_and_hashes_are_told_apart(string code, string fields)
    {
        (await _server.WithoutEffectAsync(() => _server.PostAsync(Users, $$"""{"email":"{{Address()}}",{{fields}}}"""))).Is(400, code);
        var id = (await _server.PostAsync(Users, new { email = Address() })).Is(201)["id"];
        (await _server.WithoutEffectAsync(() => _server.PutAsync($"{Users}/{id}", $$"""{{{fields}}}"""))).Is(400, code);
    }

    [Theory]
    [InlineData("password_hash_type required", """ "password_hash":"x" """)]
    [InlineData("password_hash required", """ "password_hash_type":"bcrypt" """)]
    [InlineData("password_hash_type invalid", """ "password_hash":"x","password_hash_type":"md5" """)]
    [InlineData("password_salt_position invalid", """ "password_hash":"x","password_hash_type":"ssha256","password_salt_position":"middle" """)]
    [InlineData("password_salt_position invalid", """ "password_hash":"x","password_hash_type":"ssha","password_salt_position":"prefix" """)]
    public async Task What_is_wrong_with_a_hash_s_fields_is_said(string fault, string fields) =>
        Assert.Equal([fault], (await _server.WithoutEffectAsync(() => _server.PostAsync(Users, $$"""{"email":"{{Address()}}",{{fields}}}"""))).Is(422).Faults);

    [Fact]
    public async Task An_imported_hash_opens_to_its_password()
    {
        var id = (await _server.PostAsync(Users, new { email = Address(), password_hash = PasswordHashTests.Bcrypt, password_hash_type = "bcrypt" })).Is(201)["id"]!;
        Assert.Equal((true, false), (await OpensAsync(id, PasswordHashTests.BcryptPassword), await OpensAsync(id, "another password")));
    }

    [Fact]
    public async Task Lists_are_in_order_and_their_pages_meet()
    {
        await using var server = await HoldfastServer.StartAsync();
        var ids = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            ids.Add((await server.PostAsync(Users, new { email = $"user{i}@example.test" })).Is(201)["id"]!);
            server.Clock.Advance(TimeSpan.FromSeconds(1));
        }
        (await server.DeleteAsync($"{Users}/{ids[2]}")).Is(200);
        List<string> standing = [ids[0], ids[1], ids[3], ids[4]];

        Assert.Equal(standing, (await server.GetAsync($"{Users}?order=asc")).Ids);
        Assert.Equal(Enumerable.Reverse(standing), (await server.GetAsync(Users)).Ids);
        var page = (await server.GetAsync($"{Users}?limit=3&order=asc")).Is(200);
        Assert.Equal((null, ids[3]), (page.Cursor("before"), page.Cursor("after")));
        Assert.Equal([ids[4]], (await server.GetAsync($"{Users}?limit=3&order=asc&after={ids[3]}")).Ids);
        Assert.Equal([ids[3], ids[4]], (await server.GetAsync($"{Users}?order=asc&after={ids[2]}")).Ids);   // who was deleted keeps their place
        Assert.Equal([ids[1]], (await server.GetAsync($"{Users}?email=USER1@example.test")).Ids);
        Assert.Empty((await server.GetAsync($"{Users}?email=user2@example.test")).Ids);
        Assert.Empty((await server.GetAsync($"{Users}?email=nobody@example.test")).Ids);
        (await server.GetAsync($"{Users}?limit=0")).Is(422);
    }

    [Fact]
    public async Task Who_was_deleted_is_nowhere_and_is_told_like_who_never_was()
    {
        var id = (await _server.PostAsync(Users, new { email = Address() })).Is(201)["id"]!;
        var body = (await _server.GetAsync($"{Users}/{id}")).Is(200).Text;
        var events = _server.Events("user.deleted");
        Assert.Empty((await _server.DeleteAsync($"{Users}/{id}")).Is(200).Text);
        Assert.Equal((events + 1, body), (_server.Events("user.deleted"), DataOf("user.deleted", id)));

        foreach (var (method, path) in new[] { ("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/identities") })
        {
            var gone = (await _server.WithoutEffectAsync(() => _server.SendAsync(method, $"{Users}/{id}{path}", _server.A.ApiKey, method == "PUT" ? "{\"name\":\"x\"}" : null))).Is(404);
            Assert.Equal($$"""{"code":"entity_not_found","message":"User not found: '{{id}}'."}""", gone.Text);
        }
        Assert.DoesNotContain(id, (await _server.GetAsync($"{Users}?limit=100")).Ids);
    }

    [Fact]
    public async Task The_same_request_again_makes_one_user()
    {
        var (key, body) = (SamlProvider.Unique(), new { email = Address(), password = "a fine password of mine" });
        var events = _server.Events("user.created");
        var answers = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => _server.PostAsync(Users, body, ("Idempotency-Key", key))));

        Assert.Single(answers.Select(a => a.Is(201).Text).Distinct());
        Assert.Equal(events + 1, _server.Events("user.created"));
        Assert.Single(Secrets(answers[0]["id"]!));
    }

    [Fact]
    public async Task A_sign_in_is_remembered_and_whoever_makes_a_user_tells_of_it_once()
    {
        var address = Address();
        var created = _server.Events("user.created");
        var id = await ProveAsync(address, null);
        Assert.Equal(created + 1, _server.Events("user.created"));
        var before = (await _server.GetAsync($"{Users}/{id}")).Is(200);
        Assert.Equal((null, "True"), (before["last_sign_in_at"], before["email_verified"]));
        Assert.Equal(before.Text, DataOf("user.created", id));

        var act = Act();
        var stamp = _server.Storage.Node.Clock.Next();
        await _server.Storage.Database.RecordAsync(view => Session.Start(
            view, act, Rule.Grant(new SignedIn(id)), "magic_code", TimeSpan.FromDays(1), new SuccessorKey("key", [1]), stamp));
        Assert.Equal(act.Now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture), (await _server.GetAsync($"{Users}/{id}"))["last_sign_in_at"]);
        Assert.Equal(created + 1, _server.Events("user.created"));
    }

    [Fact]
    public async Task Of_two_that_took_an_external_id_apart_the_loser_shows_it_no_more()
    {
        var value = SamlProvider.Unique();
        var winner = (await _server.PostAsync(Users, new { email = Address(), external_id = value })).Is(201)["id"]!;
        var loser = (await _server.PostAsync(Users, new { email = Address() })).Is(201)["id"]!;
        await _server.Storage.Database.WriteAsync(
            _ => Holdfast.Storage.Rows.Decide.To(true, Holdfast.Storage.Rows.Change.To(Schema.Users, loser, ("external_id", value))), CancellationToken.None);

        Assert.Null((await _server.GetAsync($"{Users}/{loser}")).Is(200)["external_id"]);
        (await _server.PutAsync($"{Users}/{loser}", new { external_id = (string?)null })).Is(200);
        Assert.Equal(winner, (await _server.GetAsync($"{Users}/external_id/{value}")).Is(200)["id"]);
        Assert.Equal(winner, _server.Storage.Database.Read(view => Claim.Find(view, _server.A.Id, Claim.UserExternalId, value))!.Holder);
    }

    private static string Address() => $"{SamlProvider.Unique().ToLowerInvariant()}@example.test";

    private Act Act() => Microsoft.Extensions.DependencyInjection.ServiceProviderServiceExtensions.GetRequiredService<Acts>(_server.Services).Of(_server.A.Id);

    /// <summary>The mailbox of an address is proven, by whoever reads its mail.</summary>
    private async Task<string> ProveAsync(string address, string? expected)
    {
        var item = await _server.Storage.Database.RecordAsync(_ => MagicCode.Issue(Act(), address, "123456", TimeSpan.FromMinutes(10)));
        var who = (await _server.Storage.Database.RecordAsync(view => MagicCode.Redeem(view, Act(), item, "123456"))).Granted().UserId;
        Assert.Equal(expected ?? who, who);
        return who;
    }

    private List<string> Secrets(string id) => _server.Storage.Database.Read(view => Credential.Of(view, _server.A.Id, id).ConvertAll(c => c.Secret));

    private async Task<bool> OpensAsync(string id, string password)
    {
        var hasher = Microsoft.Extensions.DependencyInjection.ServiceProviderServiceExtensions.GetRequiredService<PasswordHasher>(_server.Services);
        var effective = _server.Storage.Database.Read(view => Credential.Effective(Credential.Of(view, _server.A.Id, id)));
        return await hasher.OpensAsync(_server.A.Id, effective!.Secret, password, CancellationToken.None);
    }

    private string? DataOf(string name, string id) => _server.Storage.Database.Read(view => view.Find<string>(
        "SELECT data FROM events WHERE event = @name AND data LIKE @like ORDER BY created_at DESC, made_stamp DESC LIMIT 1", new { name, like = $"%\"id\":\"{id}\"%" }));
}
