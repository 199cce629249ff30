using Holdfast.Http;
using Holdfast.Simulation.Machines;
using Holdfast.Storage.Peers;

namespace Holdfast.Simulation.Operations.People;

/// <summary>Somebody types in a one-time password of an app: nobody issued it, and a rendezvous of the node list decides about it.</summary>
internal sealed class StepOperation : PersonOperation
{
    private static readonly TimeSpan StepLength = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(30);

    public override string Name => "totp-step";

    public override async Task RunAsync(Actor actor)
    {
        // Few people and long steps: so that two requests often show the same one.
        var person = actor.Dice.Below(3);
        var made = Time.World.Start + (StepLength * Math.Floor(actor.Cluster.World.Now / StepLength));
        var item = Caller.Hash($"totp\n{person}\n{made.ToUnixTimeMilliseconds()}");
        var answer = await actor.AskAsync(Name, (products, key) => SpendAsync(actor, products, item, key, made));
        Count(actor, answer, answer.End == End.Answered ? answer.Value.ToString() : null);
    }

    private async Task<SpendVerdict> SpendAsync(Actor actor, Products products, string item, string key, DateTimeOffset made)
    {
        var (began, wasSlow) = (actor.Cluster.World.Now, products.Node.IsSlow);
        var question = new SpendQuestion(
            products.Host.Peers.Own, Ground.Environment, "totp_step", item, key, made.ToUnixTimeMilliseconds(), (made + Remembered).ToUnixTimeMilliseconds(), NeedsCopy: false);
        var verdict = await products.Host.SingleUse.SpendAsync(question, CancellationToken.None);
        if (!wasSlow && !products.Node.IsSlow)
        {
            // While the node list changes, two nodes are asked.
            var took = actor.Cluster.World.Now - began - (SingleUse.Deadline * 2);
            actor.Cluster.Waits.Note(Name, products.Node, took > TimeSpan.Zero ? took : TimeSpan.Zero);
        }
        if (verdict == SpendVerdict.Granted)
        {
            actor.Ledger.Granted.Add(new Granted(item, key, products.Node.Name, actor.Cluster.World.Now));
        }
        return verdict;
    }
}
