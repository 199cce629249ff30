using Holdfast.Http;
using Holdfast.Users;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using SignedIn = Holdfast.Tests.AuthKit.SignedIn;

namespace Holdfast.Tests.Users;

/// <summary>Where passwords wait to be hashed: by turns, bounded, and in nobody's way (PWD-010, decision 0018).</summary>
public sealed class HashQueueTests
{
    private const string Password = "correct horse battery staple";

    /// <summary>A queue whose only place is taken until it is told to go on.</summary>
    private sealed class Held : IDisposable
    {
        private readonly ManualResetEventSlim _go = new();
        private readonly TaskCompletionSource _begun = new();

        public Held(int mostWaiting, int places = 1)
        {
            Queue = new HashQueue(places, mostWaiting);
            First = Queue.RunAsync("first", 1, () =>
            {
                _begun.SetResult();
                _go.Wait();
                return 0;
            }, CancellationToken.None);
        }

        public HashQueue Queue { get; }

        public Task<int> First { get; }

        public Task BegunAsync() => _begun.Task;

        public void Go() => _go.Set();

        public void Dispose()
        {
            Go();
            Queue.Dispose();
            _go.Dispose();
        }
    }

    [Fact] // PLAT-026
    public async Task Environments_take_turns_whoever_came_with_more()
    {
        using var held = new Held(mostWaiting: 100);
        await held.BegunAsync();
        var order = new List<string>();
        Task<int> AddAsync(string environment) => held.Queue.RunAsync(environment, 1, () =>
        {
            order.Add(environment);   // one place: one at a time
            return 0;
        }, CancellationToken.None);
        var all = new[] { "storm", "storm", "storm", "storm", "calm", "storm", "other", "calm" }.Select(AddAsync).ToList();

        held.Go();
        await Task.WhenAll(all);

        Assert.Equal(["storm", "calm", "other", "storm", "calm", "storm", "storm", "storm"], order);
    }

    [Fact]
    public async Task When_it_is_full_the_latest_of_whoever_has_the_most_is_turned_away()
    {
        using var held = new Held(mostWaiting: 4);
        await held.BegunAsync();
        Task<int> AddAsync(string environment) => held.Queue.RunAsync(environment, 1, () => 1, CancellationToken.None);
        var storm = Enumerable.Range(0, 4).Select(_ => AddAsync("storm")).ToList();

        var calm = AddAsync("calm");
        Assert.Equal(2, (await Assert.ThrowsAsync<BusyException>(() => storm[3])).RetryAfter);
        await Assert.ThrowsAsync<BusyException>(() => AddAsync("storm"));
        held.Go();

        var done = await Task.WhenAll(storm[0], storm[1], storm[2], calm);
        Assert.Equal(4, done.Sum());
    }

    [Fact]
    public async Task Who_goes_away_leaves_the_queue_and_what_fails_takes_no_place_with_it()
    {
        using var held = new Held(mostWaiting: 1);
        await held.BegunAsync();
        using var leave = new CancellationTokenSource();
        var ran = false;
        var left = held.Queue.RunAsync("a", 1, () => ran = true, leave.Token);

        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
        var failing = held.Queue.RunAsync<int>("a", 1, () => throw new InvalidOperationException("bad"), CancellationToken.None);
        held.Go();

        await Assert.ThrowsAsync<InvalidOperationException>(() => failing);
        Assert.Equal(7, await held.Queue.RunAsync("a", 1, () => 7, CancellationToken.None));
        Assert.False(ran);
    }

    [Fact]
    public async Task Dear_hashes_are_done_one_at_a_time_and_keep_no_cheap_one_waiting()
    {
        using var held = new Held(mostWaiting: 10, places: 3);
        await held.BegunAsync();
        var (under, most) = (0, 0);
        using var cheapDone = new ManualResetEventSlim();
        var gate = new Lock();
        Task<int> DearAsync() => held.Queue.RunAsync("dear", 257, () =>
        {
            lock (gate)
            {
                most = Math.Max(most, ++under);
            }
            cheapDone.Wait();
            lock (gate)
            {
                under--;
            }
            return 0;
        }, CancellationToken.None);
        var both = new[] { DearAsync(), DearAsync() };

        await held.Queue.RunAsync("cheap", 20, () => 0, CancellationToken.None);   // on the third place, which the second dear one may not take
        cheapDone.Set();
        await Task.WhenAll(both);

        Assert.Equal(1, most);
    }

    [Fact]
    public async Task While_passwords_wait_refreshes_and_single_sign_on_are_answered()
    {
        using var held = new Held(mostWaiting: 1);
        await using var server = await HoldfastServer.StartAsync(new Start(Configure: builder => builder.Services.Replace(ServiceDescriptor.Singleton(held.Queue))));
        await held.BegunAsync();
        var session = await SignedIn.ByMagicCodeAsync(server, "ada@people.test");
        var connection = await server.SamlConnectionAsync();
        Task<Answer>[] two = [.. new[] { "grace", "joan" }.Select(name => SignedIn.AskAsync(server, "password", ("email", $"{name}@people.test"), ("password", Password)))];

        var first = await Task.WhenAny(two);   // one waits; whichever came later does not
        var (turnedAway, stays) = (await first, two.Single(other => other != first));
        turnedAway.Is(429, "rate_limit_exceeded");
        Assert.Equal(TimeSpan.FromSeconds(2), turnedAway.Headers.RetryAfter!.Delta);
        (await session.RefreshAsync()).Is(200);
        await SignedIn.BySsoAsync(connection, "joan@acme.test");
        await SignedIn.ByMagicCodeAsync(server, "joan@people.test");

        held.Go();
        (await stays).Is(400, "invalid_credentials");
        (await server.PostAsync("/user_management/users", new { email = "grace@people.test", password = Password })).Is(201);
    }

    [Fact] // OAUTH-059, PWD-011
    public async Task An_address_that_nobody_has_costs_what_somebody_of_the_environment_costs()
    {
        await using var server = await HoldfastServer.StartAsync();
        var acts = server.Services.GetRequiredService<Acts>();
        List<string> Spent(string environmentId, string address) => server.Storage.Database.Read(view => Passwords.StandIn(view, acts.Of(environmentId), address)).ConvertAll(c => c.Secret);
        Assert.Empty(Spent(server.A.Id, "nobody@people.test"));
        for (var i = 0; i < 24; i++)
        {
            (await server.PostAsync("/user_management/users", i % 2 == 0
                ? new { email = $"{i}@people.test", email_verified = true, password = (string?)Password, password_hash = (string?)null, password_hash_type = (string?)null }
                : new { email = $"{i}@people.test", email_verified = true, password = (string?)null, password_hash = (string?)PasswordHashTests.Bcrypt, password_hash_type = (string?)"bcrypt" })).Is(201);
        }

        var kinds = Enumerable.Range(0, 400).Select(i => Assert.Single(Spent(server.A.Id, $"nobody{i}@people.test"))[..3]).ToList();

        Assert.InRange(kinds.Count(kind => kind == "$2b"), 80, 320);
        Assert.Equal(kinds[..20], Enumerable.Range(0, 20).Select(i => Spent(server.A.Id, $"NOBODY{i}@people.test")[0][..3]));   // always the same
        Assert.Empty(Spent(server.B.Id, "nobody@people.test"));
        // And what stands in for them opens nothing for them.
        foreach (var i in Enumerable.Range(0, 6))
        {
            foreach (var password in new[] { Password, PasswordHashTests.BcryptPassword })
            {
                (await SignedIn.AskAsync(server, "password", ("email", $"nobody{i}@people.test"), ("password", password))).Is(400, "invalid_credentials");
            }
        }
        (await SignedIn.AskAsync(server, "password", ("email", "1@people.test"), ("password", PasswordHashTests.BcryptPassword))).Is(200);
    }
}
