using Holdfast.Http;
using Holdfast.Simulation.Machines;
using Holdfast.Sso;
using Holdfast.Storage;

namespace Holdfast.Simulation.Operations;

/// <summary>A person signs in through a connection: the flow is used up, the profile made or refreshed, a code issued.</summary>
internal sealed class SignInOperation : Operation
{
    private static readonly TimeSpan FlowLife = TimeSpan.FromMinutes(10);

    public override string Name => "sign-in";

    public override async Task RunAsync(Actor actor)
    {
        var connection = actor.Dice.Between(1, Ground.Connections);
        var person = $"person{actor.Dice.Below(12)}";
        var answer = await actor.AskAsync(Name, async (products, _) =>
        {
            if (products.Database.Read(view => ConnectionStore.Find(view, Ground.Environment, Ground.Connection(connection))) is not { IsActive: true } found)
            {
                return (Code: (string?)null, Refusal: "ConnectionInactive");
            }
            var now = products.Clock.GetUtcNow();
            var flow = new Flow(
                Flow.NewId(products.Database.Incarnation, now, products.Entropy.Bytes(16)), Ground.Environment, Ground.Client, found.Id, Ground.RedirectUri,
                null, null, null, null, null, null, now + FlowLife, 0);
            var who = new Attributes(person, $"{person}@example.com", "First", $"Last {actor.Dice.Below(3)}", [], new Dictionary<string, System.Text.Json.JsonElement>());
            var done = await actor.TimedAsync(products, Name, () => products.SignIns.CompleteAsync(
                found, flow, who, new SucceededAttempt(products.Ids.New(Ids.Attempt), new AttemptFacts(null, [], false)), null));
            if (done.Code is not null)
            {
                actor.Ledger.Keep($"{actor.Mark} {Name} of {person}", products.Node.Name,
                    (Schema.Profiles, Ids.Derived(Ids.Profile, Ground.IdKey, Ground.Connection(connection), person)));
            }
            return done;
        });
        Count(actor, answer, answer.Value.Refusal);
        if (answer.Value.Code is { } code)
        {
            actor.Ledger.Codes.Add(new Code(code, answer.Node!.Name, connection, actor.Cluster.World.Now));
        }
    }
}

/// <summary>The application shows a code, at the node that the code names. It repeats under one key until it is answered.</summary>
internal class RedeemOperation : Operation
{
    private static readonly TimeSpan CodesLive = TimeSpan.FromMinutes(1);

    public override string Name => "redeem-code";

    public override Task RunAsync(Actor actor) => actor.Ledger.Codes.Count == 0
        ? Task.CompletedTask
        : RedeemAsync(actor, actor.Ledger.Codes[^1], actor.Ledger.Codes.Count - 1, AuthorityOf(actor, actor.Ledger.Codes[^1]));

    protected static Node AuthorityOf(Actor actor, Code code) => actor.Cluster.Nodes.First(n => n.Name == code.Authority);

    protected async Task RedeemAsync(Actor actor, Code code, int? used, Node node)
    {
        if (used is { } place)
        {
            actor.Ledger.Codes.RemoveAt(place);
            actor.Ledger.Spent.Add(code);
        }
        var request = "";
        var answer = await actor.AskAsync(Name, async (products, key) =>
        {
            request = $"{actor.Mark}/{key}";
            var redeemed = await actor.TimedAsync(products, Name, () =>
                actor.Cluster.Planted.RedeemAsync(products, code.Value, request));
            if (redeemed is not null && actor.Cluster.World.Now - code.At < CodesLive)
            {
                actor.Ledger.Keep($"{actor.Mark} {Name}", products.Node.Name, (Schema.Spends, redeemed.CodeId));
            }
            return redeemed;
        }, node);
        Count(actor, answer, answer.End == End.Answered && answer.Value is null ? "not valid" : null);
        if (answer.Value is { } redeemed)
        {
            actor.Ledger.Granted.Add(new Granted(redeemed.CodeId, request, answer.Node!.Name, actor.Cluster.World.Now));
        }
    }
}

/// <summary>Somebody who has seen a code shows it a second time, in a request of their own: at its authority, or at another node; or they wait for the authority to lose its disk, and
/// show it as soon as that serves again.</summary>
internal sealed class RedeemAgainOperation : RedeemOperation
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(50);

    public override string Name => "redeem-code-again";

    public override async Task RunAsync(Actor actor)
    {
        if (actor.Dice.Chance(0.5) && await WaitForLossAsync(actor) is { } forgotten)
        {
            await RedeemAsync(actor, forgotten, null, AuthorityOf(actor, forgotten));
        }
        else if (actor.Ledger.Spent is { Count: > 0 } spent)
        {
            var code = spent[^Math.Min(spent.Count, actor.Dice.Between(1, 5))];
            await RedeemAsync(actor, code, null, actor.Dice.Chance(0.3) ? actor.Preferred : AuthorityOf(actor, code));
        }
    }

    /// <summary>The newest code that was shown at a node whose disk was lost since, as soon as that node serves again; null when none comes to be.</summary>
    private static async Task<Code?> WaitForLossAsync(Actor actor)
    {
        var (clock, until) = (actor.Cluster.ClockOf(actor.Cluster.World.Outside), actor.Cluster.World.Now + LongestWait);
        while (actor.Cluster.World.Now < until)
        {
            if (actor.Ledger.Spent.FindLast(c => AuthorityOf(actor, c) is { IsUp: true } authority && authority.DiskLostAt > c.At) is { } code)
            {
                return code;
            }
            await Task.Delay(Glance, clock);
        }
        return null;
    }
}
