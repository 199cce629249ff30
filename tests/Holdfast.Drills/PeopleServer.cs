using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Peers;
using Holdfast.Storage;
using Holdfast.Storage.Node;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;
using Holdfast.Users;
using Holdfast.Verbs;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Drills;

/// <summary>The server of <c>holdfast serve</c>, all of it, and beside its routes those of people, under <c>/drill</c>: the rules of <c>Users</c>, whole, and as little around
/// them as makes them callable. What a mail would tell, the answer tells.</summary>
internal static class PeopleServer
{
    public const string Switch = "--people-server";

    private static readonly TimeSpan ItemLifetime = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan SessionLifetime = TimeSpan.FromDays(30);

    /// <param name="arguments">Those of <c>holdfast serve</c>.</param>
    public static Task<int> RunAsync(string[] arguments)
    {
        var command = new Command("serve");
        var options = new SettingsOptions(command, isDev: false);
        command.SetAction((parsed, ct) => ServeVerb.RunAsync(options.Read(parsed), ServeVerb.BootstrapAsync, ct, Map));
        return new RootCommand { command }.Parse(["serve", .. arguments]).InvokeAsync(Stopping.Patiently);
    }

    private static void Map(WebApplication app, StorageHost storage)
    {
        var people = new People(app.Services, storage);
        void Post(string path, Func<HttpContext, JsonElement, Task<object>> work) => app.MapPost("/drill/" + path, async http =>
        {
            var (asked, refusal) = await JsonBody.ReadAsync<Dictionary<string, JsonElement>>(http);
            var answer = asked is null ? refusal! : await work(http, JsonSerializer.SerializeToElement(asked));
            if (answer is IResult result)
            {
                await result.ExecuteAsync(http);
                return;
            }
            await ApiAnswer.Ok(answer).ExecuteAsync(http);
        });

        Post("sign-up", (_, asked) => people.SignUpAsync(Text(asked, "email"), Text(asked, "password")));
        Post("sign-up/prove", (http, asked) => people.AtAuthorityAsync(http, Text(asked, "item"), item => people.StartAsync((view, act) =>
            SignUp.ProveMailbox(view, act, Text(asked, "sign_up_id"), item, Text(asked, "secret")), "password")));
        Post("magic", (_, asked) => people.IssueMagicAsync(Text(asked, "email")));
        Post("magic/redeem", (http, asked) => people.AtAuthorityAsync(http, Text(asked, "item"), item => people.StartAsync((view, act) =>
            MagicCode.Redeem(view, act, item, Text(asked, "code")), "magic")));
        Post("password", (_, asked) => people.SignInAsync(Text(asked, "email"), Text(asked, "password")));
        Post("refresh", (_, asked) => people.RefreshAsync(Text(asked, "token")));
        Post("check", (_, asked) => people.CheckAsync(Text(asked, "token")));
        Post("revoke", (_, asked) => people.DoAsync((view, act) => Session.End(view, act, Text(asked, "session_id"), "revoked")));
        Post("suspend", (_, asked) => people.DoAsync((view, act) => DenyUser.Suspend(view, act, Text(asked, "user_id"))));
        Post("delete", (_, asked) => people.DoAsync((view, act) => DenyUser.Delete(view, act, Text(asked, "user_id"))));
        Post("lift", (http, asked) => people.LiftAsync(Text(asked, "user_id"), http.RequestAborted));
        Post("step", (http, asked) => people.SpendAsync(
            Text(asked, "item"), asked.GetProperty("made_at").GetInt64(), asked.TryGetProperty("needs_copy", out var copy) && copy.GetBoolean(), http.RequestAborted));
        Post("holder", (_, asked) => people.HolderAsync(Text(asked, "email")));
        Post("state", (_, _) => people.StateAsync());
    }

    private static string Text(JsonElement asked, string name) => asked.GetProperty(name).GetString()!;

    /// <summary>What the routes do.</summary>
    private sealed class People(IServiceProvider services, StorageHost storage)
    {
        private readonly ClusterKeys _keys = services.GetRequiredService<ClusterKeys>();
        private readonly EnvironmentStore _environments = services.GetRequiredService<EnvironmentStore>();
        private readonly ForwardToAuthority _authority = services.GetRequiredService<ForwardToAuthority>();
        private readonly TimeProvider _clock = services.GetRequiredService<TimeProvider>();
        private readonly Entropy _entropy = services.GetRequiredService<Entropy>();

        private Database Database => storage.Database;

        private string Environment => _environments.FindFirst() ?? throw new InvalidOperationException("The node has no environment yet.");

        private SuccessorKey SuccessorKey => new(_keys.Id, _keys.Derive("drill-successor", Environment));

        private Act Act() => new(
            Environment, _environments.IdKey(Environment), _keys.Derive("drill-items", Environment), Database.Incarnation, _clock.GetUtcNow(), _entropy.Bytes(16));

        public async Task<object> SignUpAsync(string email, string password)
        {
            var (act, secret) = (Act(), Secret());
            var (begun, copies) = await Database.RecordCopiedAsync(_ =>
                SignUp.Begin(act, email, Hash(act, password), new PersonNames(null, null), secret, ItemLifetime));
            return new { begun.SignUpId, item = $"{act.Incarnation}.{begun.ItemId}", secret, copies };
        }

        public async Task<object> IssueMagicAsync(string email)
        {
            var (act, code) = (Act(), Secret());
            var item = await Database.RecordAsync(_ => MagicCode.Issue(act, email, code, ItemLifetime));
            return new { item = $"{act.Incarnation}.{item}", code };
        }

        /// <summary>Redeems an item where it was issued, as the server does with the codes of Single Sign-On.</summary>
        public async Task<object> AtAuthorityAsync(HttpContext http, string item, Func<string, Task<object>> redeem)
        {
            var (incarnation, id) = item.Split('.') is [var life, var rest] ? (life, rest) : ("", item);
            return incarnation == Database.Incarnation ? await redeem(id) : await _authority.TryAsync(http, incarnation, ForwardToAuthority.CodeBudget) switch
            {
                Forwarded.Answered => Results.Empty,
                Forwarded.Away => ApiError.Unavailable("authority_unavailable", "The node that issued it cannot be reached.", retryAfter: 1),
                _ => Refused(Refusal.ItemUnknown),
            };
        }

        public Task<object> SignInAsync(string email, string password)
        {
            var hash = Hash(Act(), password);
            return StartAsync(
                (view, act) => Passwords.SignIn(view, act, email, Passwords.Candidates(view, act.EnvironmentId, email).FirstOrDefault(c => c.Secret == hash)?.Id), "password");
        }

        public async Task<object> StartAsync(Func<View, Act, Decision<Ruling<SignedIn>>> signIn, string method)
        {
            var (act, key, stamp) = (Act(), SuccessorKey, storage.Node.Clock.Next());
            var (ruling, copies) = await Database.RecordCopiedAsync(view => Session.Start(view, act, signIn(view, act), method, SessionLifetime, key, stamp));
            return ruling.Answer is { } token ? Signed(token, copies) : Refused(ruling.Refused!.Value);
        }

        public async Task<object> RefreshAsync(string text)
        {
            if (Open(text) is not { } token)
            {
                return Refused(Refusal.SessionUnknown);
            }
            var (act, key, own) = (Act(), SuccessorKey, Database.Incarnation);
            var (ruling, copies) = await Database.RecordCopiedAsync(view => RefreshSession.Decide(
                view, act, token, key, Births.IsApplied(view, token.Birth.Incarnation, long.Parse(token.Birth.Position, CultureInfo.InvariantCulture))));
            return ruling.Answer is { } next ? Signed(next, copies) : Refused(ruling.Refused!.Value);
        }

        /// <summary>Whether a session goes on, as an access to it is asked: nothing is spent.</summary>
        public Task<object> CheckAsync(string text) => Task.FromResult<object>(
            Open(text) is not { } token ? Refused(Refusal.SessionUnknown)
            : Database.Read(view => token.Session.Ended(view, Act())) is { } why ? Refused(why)
            : new { token.SessionId, token.UserId });

        public async Task<object> DoAsync(Func<View, Act, Decision<Ruling<string>>> rule)
        {
            var act = Act();
            var (ruling, copies) = await Database.RecordCopiedAsync(view => rule(view, act));
            return ruling.Answer is { } id ? new { id, copies } : Refused(ruling.Refused!.Value);
        }

        public async Task<object> LiftAsync(string userId, CancellationToken ct)
        {
            var act = Act();
            var seen = Database.Read(view => Denied.Standing(view, userId));
            var ruling = await Database.WriteAsync(view => DenyUser.Lift(view, act, userId, seen), ct);
            return ruling.Answer is { } lifted ? new { lifted } : Refused(ruling.Refused!.Value);
        }

        /// <summary>A step of a one-time password: nobody issued it, and one node decides.</summary>
        public async Task<object> SpendAsync(string item, long madeAt, bool needsCopy, CancellationToken ct)
        {
            var verdict = await storage.SingleUse.SpendAsync(
                new SpendQuestion(storage.Peers.Own, Environment, "step", Caller.Hash(item), null, madeAt, (_clock.GetUtcNow() + ItemLifetime).ToUnixTimeMilliseconds(), needsCopy), ct);
            return new { verdict = verdict.ToString(), authorities = Database.Read(NodeList.Of).AuthoritiesOf(Caller.Hash(item)) };
        }

        public Task<object> HolderAsync(string email) => Task.FromResult<object>(new
        {
            user_id = Database.Read(view => Addresses.HolderOf(view, Environment, email)),
            users = Database.Read(view => view.Find<long>("SELECT count(*) FROM users WHERE lower(email) = lower(@email)", new { email })),
        });

        public Task<object> StateAsync()
        {
            var list = Database.Read(NodeList.Of);
            return Task.FromResult<object>(new
            {
                incarnation = Database.Incarnation,
                position = Database.Read(view => NodeStore.NextPosition(view) - 1),
                confirmed = storage.Peers.Copies.Confirmed,
                one_copy = storage.Peers.Copies.AnsweredWithOne,
                is_level = storage.Replicator.Health is { IsAvailable: true } && storage.Node.CountUnshipped() == 0,
                nodes = list.IsSettled ? list.Now : [],
                heard = storage.Peers.All.Where(l => l.Fault is null && l.SilentFor < TimeSpan.FromSeconds(3)).Select(l => l.Identity?.Incarnation).OfType<string>(),
                known = Database.Read(view => view.Query<string>("SELECT id FROM nodes WHERE public_key IS NOT NULL")),
                digest = storage.Node.Digest(),
                denies = Database.Read(view => view.Query<string>("SELECT id FROM denies")),
            });
        }

        private object Signed(RefreshToken token, int copies) => new { token.SessionId, token.UserId, token.Generation, token = Seal(token), copies };

        /// <summary>One generation is one text: the nonce is its mark's.</summary>
        private string Seal(RefreshToken token)
        {
            var plain = JsonSerializer.SerializeToUtf8Bytes(token);
            var nonce = Base64.Decode(token.Mark)!.AsSpan(0, AesGcm.NonceByteSizes.MaxSize);
            var item = new byte[nonce.Length + plain.Length + AesGcm.TagByteSizes.MaxSize];
            nonce.CopyTo(item);
            using var aes = new AesGcm(_keys.Derive("drill-refresh", Environment), AesGcm.TagByteSizes.MaxSize);
            aes.Encrypt(nonce, plain, item.AsSpan(nonce.Length, plain.Length), item.AsSpan(nonce.Length + plain.Length));
            return Base64.Encode(item);
        }

        private RefreshToken? Open(string text)
        {
            var (nonce, tag) = (AesGcm.NonceByteSizes.MaxSize, AesGcm.TagByteSizes.MaxSize);
            if (Base64.Decode(text) is not { } item || item.Length < nonce + tag)
            {
                return null;
            }
            var plain = new byte[item.Length - nonce - tag];
            using var aes = new AesGcm(_keys.Derive("drill-refresh", Environment), tag);
            try
            {
                aes.Decrypt(item.AsSpan(0, nonce), item.AsSpan(nonce, plain.Length), item.AsSpan(nonce + plain.Length), plain);
                return JsonSerializer.Deserialize<RefreshToken>(plain);
            }
            catch (AuthenticationTagMismatchException)
            {
                return null;
            }
        }

        private string Secret() => Base64.Encode(_entropy.Bytes(12));

        /// <summary>How passwords are hashed is nothing that is drilled here.</summary>
        private static string Hash(Act act, string password) => Convert.ToHexStringLower(ClusterKeys.Mac(act.ItemKey, "password", password));

        private static ApiAnswer Refused(Refusal why) => new(StatusCodes.Status400BadRequest, new { code = why.ToString() });
    }
}
