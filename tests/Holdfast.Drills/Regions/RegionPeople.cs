using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Holdfast.Storage.Tests;

namespace Holdfast.Drills.Regions;

/// <summary>People and administrators of three regions, all the time at the same pace: an open loop, which does not slow down for a slow answer. What was acknowledged is remembered.</summary>
internal sealed class RegionPeople : IAsyncDisposable
{
    public const string SignIn = "sign-in";
    public const string Refresh = "refresh";
    public const string End = "end";
    public const string Write = "write";

    private const string MagicGrant = "urn:workos:oauth:grant-type:magic-auth:code";
    private const string Password = "correct horse of a region";
    private const int MostUnderWay = 200;
    private const int PeopleWithPasswords = 12;
    private const int MostRefreshesRemembered = 2000;

    /// <summary>People whom their provider tells of again and again, each time by another name, in all regions: what is put last is to stand everywhere.</summary>
    private const int PeopleWithOtherNames = 6;

    /// <summary>A try at one node, and then one more at another; an edge does both by itself, within twelve seconds.</summary>
    private TimeSpan TryDeadline => TimeSpan.FromSeconds(_regions.Edges.Count > 0 ? 14 : 6);

    /// <summary>Until somebody has a code in hand.</summary>
    private static readonly TimeSpan MailTakes = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan NodeDeadline = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan WriteEvery = TimeSpan.FromMilliseconds(600);
    private static readonly TimeSpan HoldsDeadline = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan HoldsEvery = TimeSpan.FromMilliseconds(50);

    private readonly ThreeRegions _regions;
    private readonly SamlPeople _saml;
    private readonly int _perSecond;
    private readonly Dice _dice = new(20251020);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<int, ConcurrentQueue<Held>> _sessions = new(Enumerable.Range(1, ThreeRegions.Count).ToDictionary(r => r, _ => new ConcurrentQueue<Held>()));
    private readonly ConcurrentDictionary<Task, byte> _underWay = new();
    private Task _all = Task.CompletedTask;
    private long _number;
    private volatile bool _isPaused;

    private RegionPeople(ThreeRegions regions, SamlPeople saml, int perSecond) => (_regions, _saml, _perSecond) = (regions, saml, perSecond);

    /// <summary>A session as an application holds it.</summary>
    internal sealed record Held(string Token, string SessionId, string UserId, int Region);

    /// <summary>What was done.</summary>
    /// <param name="Failure">Null when it was answered as it should be.</param>
    internal sealed record Done(string Kind, int Region, long At, long Ended, string? Failure, bool IsBegunAgain);

    /// <summary>A session that an acknowledged request ended.</summary>
    internal sealed record Ended(Held Session, RegionNode By, long At);

    /// <param name="Seconds">Until every node that could be reached refused; null when one did not in time.</param>
    internal sealed record Holds(long At, double? Seconds);

    public ConcurrentQueue<Done> All { get; } = new();

    public ConcurrentQueue<(string Id, long At)> Users { get; } = new();

    public ConcurrentQueue<(string Id, long At)> Sessions { get; } = new();

    public ConcurrentQueue<(string Id, string Name, long At)> Organizations { get; } = new();

    public ConcurrentQueue<Ended> EndedSessions { get; } = new();

    public ConcurrentQueue<Holds> Holdings { get; } = new();

    /// <summary>Codes that were taken a second time.</summary>
    public ConcurrentQueue<long> Twice { get; } = new();

    public static async Task<RegionPeople> StartAsync(ThreeRegions regions, int perSecond)
    {
        var saml = await SamlPeople.SetUpAsync(regions.Nodes, regions.Environment, ThreeRegions.PublicUrl);
        var people = new RegionPeople(regions, saml, perSecond);
        for (var n = 0; n < PeopleWithPasswords; n++)
        {
            (await saml.MadeAsync("/user_management/users", new { email = PasswordAddress(n), password = Password, email_verified = true })).Is(201);
        }
        await ThreeRegions.UntilAsync("everybody is known everywhere", TimeSpan.FromMinutes(1), async () =>
            (await Task.WhenAll(regions.Nodes.Select(n => n.SendAsync("GET", $"/user_management/users?email={PasswordAddress(PeopleWithPasswords - 1)}", bearer: saml.ApiKey))))
            .All(a => a.Status == 200 && a.Json.GetProperty("data").GetArrayLength() == 1));
        people._all = Task.WhenAll([people.PaceAsync(), .. Enumerable.Range(1, ThreeRegions.Count).Select(people.AdministrateAsync)]);
        return people;
    }

    /// <summary>Nobody begins anything more; returns when everything under way has ended.</summary>
    public async Task PauseAsync()
    {
        _isPaused = true;
        await Task.Delay(WriteEvery);
        while (!_underWay.IsEmpty)
        {
            await Task.Delay(50);
        }
    }

    public void GoOn() => _isPaused = false;

    /// <summary>Whether the last write of every region was done, and was begun after this.</summary>
    public bool AllWrite(long since) => Enumerable.Range(1, ThreeRegions.Count).All(region => All.LastOrDefault(d => d.Kind == Write && d.Region == region) is { Failure: null } last && last.At >= since);

    /// <summary>Whether a node takes the token of a session that was ended.</summary>
    public async Task<bool> IsAdmittedAsync(RegionNode node, Held session) => (await AskAsync(node, "refresh_token", null, ("refresh_token", session.Token))).Status == 200;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _all;
        await Task.WhenAll(_underWay.Keys);
        _saml.Dispose();
        _stop.Dispose();
    }

    private async Task PaceAsync()
    {
        var (since, begun) = (Stopwatch.GetTimestamp(), 0L);
        while (!_stop.IsCancellationRequested)
        {
            await Task.Delay(10);
            var due = (long)(Stopwatch.GetElapsedTime(since).TotalSeconds * _perSecond);
            for (; begun < due; begun++)
            {
                if (!_isPaused && _underWay.Count < MostUnderWay)
                {
                    Begin(begun);
                }
            }
        }
    }

    private void Begin(long number)
    {
        var region = (int)(number % ThreeRegions.Count) + 1;
        var what = _dice.Below(100);
        var node = Near(region);
        if (what < 12)
        {
            Run(() => SignInAsync(node, () => ByMagicCodeAsync(node, NewAddress("new"))));
        }
        else if (what < 20)
        {
            var address = PasswordAddress(_dice.Below(PeopleWithPasswords));
            Run(() => SignInAsync(node, () => ByPasswordAsync(node, address)));
        }
        else if (what < 30)
        {
            var put = number % 2 == 0;
            var address = put ? $"put-{_dice.Below(PeopleWithOtherNames)}@acme.test" : NewAddress("sso");
            Run(() => SignInAsync(node, () => BySamlAsync(node, address, put ? $"Name {number}" : null)));
        }
        else if (_sessions[region].TryDequeue(out var session))
        {
            // Those who come in are about as many as those who leave.
            Run(() => what < 45 ? EndAsync(node, session, isSignOut: what % 2 == 0) : RefreshAsync(node, session));
        }
        else
        {
            Run(() => SignInAsync(node, () => ByMagicCodeAsync(node, NewAddress("new"))));
        }
    }

    private void Run(Func<Task> work)
    {
        var task = Task.Run(work);
        _underWay.TryAdd(task, 0);
        _ = task.ContinueWith(done => _underWay.TryRemove(done, out _), TaskScheduler.Default);
    }

    /// <summary>Somebody comes in; begins once again when the first time came to nothing, as a person does.</summary>
    private async Task SignInAsync(RegionNode near, Func<Task<(NodeCaller.Answer Answer, RegionNode By)>> attempt)
    {
        var at = Stopwatch.GetTimestamp();
        var isAgain = false;
        NodeCaller.Answer answer;
        RegionNode by;
        while (true)
        {
            try
            {
                (answer, by) = await attempt();
            }
            catch (Exception fault) when (fault is Xunit.Sdk.XunitException or InvalidOperationException or UriFormatException or ArgumentException or NullReferenceException)
            {
                (answer, by) = (new NodeCaller.Answer(-1, JsonSerializer.SerializeToElement(fault.Message), null, "", TimeSpan.Zero), near);
            }
            if (answer.Status == 200 || isAgain)
            {
                break;
            }
            isAgain = true;
        }
        Note(SignIn, near.Region, at, answer, isAgain);
        if (answer.Status == 200)
        {
            Remember(answer, by.Region, at);
        }
    }

    private async Task<(NodeCaller.Answer, RegionNode)> ByMagicCodeAsync(RegionNode near, string email)
    {
        var (made, issuer) = await TryAsync(near, node => node.SendAsync("POST", "/user_management/magic_auth", JsonSerializer.Serialize(new { email }), "application/json", bearer: _saml.ApiKey, within: TryDeadline));
        if (made.Status != 201)
        {
            return (made, issuer);
        }
        var code = made.Text("code")!;
        await Task.Delay(MailTakes);
        var key = NewAddress("key");
        var (answer, by) = await TryAsync(issuer, node => AskAsync(node, MagicGrant, key, ("email", email), ("code", code)));
        if (answer.Status == 200 && Interlocked.Increment(ref _number) is var number && number % 4 == 0)
        {
            var again = await AskAsync(_regions.Nodes[(int)(number / 4 % _regions.Nodes.Count)], MagicGrant, null, ("email", email), ("code", code));
            if (again.Status == 200)
            {
                Twice.Enqueue(Stopwatch.GetTimestamp());
            }
        }
        return (answer, by);
    }

    private async Task<(NodeCaller.Answer, RegionNode)> ByPasswordAsync(RegionNode near, string email)
    {
        var key = NewAddress("key");
        return await TryAsync(near, node => AskAsync(node, "password", key, ("email", email), ("password", Password)));
    }

    private async Task<(NodeCaller.Answer, RegionNode)> BySamlAsync(RegionNode near, string email, string? name)
    {
        if (Edge(near) is { } edge)
        {
            var shown = await _saml.ObtainCodeAsync(edge, email, name);
            var once = NewAddress("key");
            return await TryAsync(near, node => AskAsync(node, "authorization_code", once, ("code", shown)));
        }
        // The browser is at the node's neighbour: the code is sent on to the one that issued it; or the application is, as an edge does with a code.
        var issuer = Neighbour(near);
        var code = await _saml.ObtainCodeAsync(issuer, email, name);
        var key = NewAddress("key");
        var (answer, by) = await TryAsync(near, node => AskAsync(node, "authorization_code", key, ("code", code)));
        return answer.Status == 503 && issuer.IsUp ? (await AskAsync(issuer, "authorization_code", key, ("code", code)), issuer) : (answer, by);
    }

    private async Task RefreshAsync(RegionNode near, Held session)
    {
        var at = Stopwatch.GetTimestamp();
        var (answer, by) = await TryAsync(near, node => AskAsync(node, "refresh_token", null, ("refresh_token", session.Token)));
        Note(Refresh, near.Region, at, answer, isAgain: false);
        if (answer.Status == 200)
        {
            Keep(session with { Token = answer.Text("refresh_token")!, Region = by.Region });
        }
    }

    /// <summary>Signs out, or an administrator revokes; and sees how long it takes until it holds wherever it can be known.</summary>
    private async Task EndAsync(RegionNode near, Held session, bool isSignOut)
    {
        var at = Stopwatch.GetTimestamp();
        var (answer, by) = await TryAsync(near, node => isSignOut
            ? node.SendAsync("GET", $"/user_management/sessions/logout?session_id={session.SessionId}", within: TryDeadline)
            : node.SendAsync("POST", "/user_management/sessions/revoke", JsonSerializer.Serialize(new { session_id = session.SessionId }), "application/json", bearer: _saml.ApiKey, within: TryDeadline));
        var isDone = answer.Status is 200 or 302;
        All.Enqueue(new Done(End, near.Region, at, Stopwatch.GetTimestamp(), isDone ? null : Failure(near, answer), false));
        if (!isDone)
        {
            return;
        }
        var ended = new Ended(session, by, Stopwatch.GetTimestamp());
        EndedSessions.Enqueue(ended);
        var open = _regions.Nodes.ToList();
        while (Stopwatch.GetElapsedTime(ended.At) < HoldsDeadline)
        {
            open = [.. open.Where(n => _regions.IsReachable(by, n))];
            var states = await Task.WhenAll(open.Select(n => IsEndedAsync(n, session)));
            open = [.. open.Where((_, i) => !states[i])];
            if (open.Count == 0)
            {
                Holdings.Enqueue(new Holds(ended.At, Stopwatch.GetElapsedTime(ended.At).TotalSeconds));
                return;
            }
            await Task.Delay(HoldsEvery);
        }
        Holdings.Enqueue(new Holds(ended.At, null));
    }

    private async Task<bool> IsEndedAsync(RegionNode node, Held session)
    {
        var answer = await node.SendAsync("GET", $"/user_management/users/{session.UserId}/sessions?limit=100", bearer: _saml.ApiKey, within: NodeDeadline);
        return answer.Status == 200 && answer.Json.GetProperty("data").EnumerateArray().Any(s => s.GetProperty("id").GetString() == session.SessionId && s.GetProperty("status").GetString() == "revoked");
    }

    /// <summary>An administrator of a region, who repeats what was not done until it is, with the key that it began with.</summary>
    private async Task AdministrateAsync(int region)
    {
        while (!_stop.IsCancellationRequested)
        {
            await Task.Delay(WriteEvery);
            if (_isPaused)
            {
                continue;
            }
            var name = NewAddress("org");
            var isMade = false;
            while (!isMade && !_stop.IsCancellationRequested)
            {
                var work = WriteOnceAsync(region, name);
                _underWay.TryAdd(work, 0);
                isMade = await work;
                _underWay.TryRemove(work, out _);
                if (!isMade)
                {
                    await Task.Delay(WriteEvery);
                }
            }
        }
    }

    private async Task<bool> WriteOnceAsync(int region, string name)
    {
        var at = Stopwatch.GetTimestamp();
        var near = Near(region);
        var (answer, _) = await TryAsync(near, node => node.SendAsync(
            "POST", "/organizations", JsonSerializer.Serialize(new { name }), "application/json", bearer: _saml.ApiKey, within: TryDeadline, key: name));
        All.Enqueue(new Done(Write, region, at, Stopwatch.GetTimestamp(), answer.Status == 201 ? null : Failure(near, answer), false));
        if (answer.Status == 201)
        {
            Organizations.Enqueue((answer.Text("id")!, name, at));
        }
        return answer.Status == 201;
    }

    /// <summary>Through the edge of the region. Without edges at one node, and when nothing came back, once more at another: a region's own first.</summary>
    private async Task<(NodeCaller.Answer Answer, RegionNode By)> TryAsync(RegionNode first, Func<NodeCaller, Task<NodeCaller.Answer>> ask)
    {
        if (Edge(first) is { } edge)
        {
            return (await ask(edge), first);
        }
        var answer = first.IsUp ? await ask(first) : null;
        if (answer is { Status: not 0 })
        {
            return (answer, first);
        }
        var other = Neighbour(first);
        return (await ask(other), other);
    }

    private RegionEdge? Edge(RegionNode near) => _regions.Edges.FirstOrDefault(e => e.Region == near.Region);

    /// <summary>An application stays at one node for as long as that is there, as behind an edge: what it has just written is there.</summary>
    private RegionNode Near(int region) => _regions.Nodes.Where(n => n.Region == region).OrderByDescending(n => n.IsUp).First();

    private RegionNode Neighbour(RegionNode node) =>
        _regions.Nodes.Where(n => n != node).OrderByDescending(n => n.IsUp).ThenByDescending(n => n.Region == node.Region).First();

    private Task<NodeCaller.Answer> AskAsync(NodeCaller node, string grant, string? key, params (string Name, string Value)[] more) => node.SendAsync(
        "POST", "/user_management/authenticate",
        string.Join('&', more.Append(("grant_type", grant)).Append(("client_id", _regions.Environment.ClientId)).Append(("client_secret", _saml.ApiKey)).Select(p => $"{p.Item1}={Uri.EscapeDataString(p.Item2)}")),
        "application/x-www-form-urlencoded", within: TryDeadline, key: key);

    private void Remember(NodeCaller.Answer answer, int region, long at)
    {
        var user = answer.Json.GetProperty("user").GetProperty("id").GetString()!;
        var session = new Microsoft.IdentityModel.JsonWebTokens.JsonWebToken(answer.Text("access_token")!).GetClaim("sid").Value;
        Users.Enqueue((user, at));
        Sessions.Enqueue((session, at));
        Keep(new Held(answer.Text("refresh_token")!, session, user, region));
    }

    private void Keep(Held session)
    {
        if (_sessions[session.Region].Count < MostRefreshesRemembered)
        {
            _sessions[session.Region].Enqueue(session);
        }
    }

    private void Note(string kind, int region, long at, NodeCaller.Answer answer, bool isAgain) =>
        All.Enqueue(new Done(kind, region, at, Stopwatch.GetTimestamp(), answer.Status == 200 ? null : Failure(null, answer), isAgain));

    private static string Failure(RegionNode? node, NodeCaller.Answer answer) => string.Create(CultureInfo.InvariantCulture, $"{node} {answer.Status} {answer.Code ?? answer.Json.ToString()} after {answer.Took.TotalSeconds:0.0} s");

    private string NewAddress(string who) => $"{who}-{Interlocked.Increment(ref _number)}@acme.test";

    private static string PasswordAddress(int number) => $"pw-{number}@acme.test";
}
