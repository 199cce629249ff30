using Holdfast.Simulation.Machines;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Simulation.Operations.People;

/// <summary>A node goes through the mail that it wanted, and sends it: as the product does each second.</summary>
internal sealed class PostOperation : PersonOperation
{
    public const string NotSentTwice = "mail-is-not-sent-twice";

    /// <summary>Between two rounds.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private const int Most = 100;

    public override string Name => "post";

    public override async Task RunAsync(Actor actor) =>
        Count(actor, await actor.AskAsync(Name, (products, _) => RoundAsync(actor, products), actor.Dice.Pick(actor.Cluster.Nodes)));

    /// <summary>Sends what waits, each mail before it is noted: whoever is cut off between the two sends it once more.</summary>
    public static async Task<int> RoundAsync(Actor actor, Products products)
    {
        var people = actor.Ledger.People;
        try
        {
            var waiting = products.Database.Read(view => Holdfast.Mail.Mails.Waiting(view, products.Clock.GetUtcNow(), Most)
                .Where(row => row.Authority == products.Database.Incarnation).Select(row => (Row: row, About: view.Find<string>("SELECT about FROM mails WHERE id = @Id", new { row.Id }))).ToList());
            foreach (var (row, about) in waiting)
            {
                if (people.Sent.Exists(s => s.Id == row.Id && s.Node == products.Node && s.DisksLost == products.Node.DisksLost))
                {
                    people.Faults.Add((NotSentTwice, $"{products.Node.Name} has noted that it sent {row.Id}, and sends it again"));
                }
                if (people.Outbox.GetValueOrDefault(about!) is { } mail && people.Mails.TrueForAll(m => m.ItemId != mail.ItemId))
                {
                    var said = products.Mails.ValuesOf(row);
                    if (row.Recipient != Users.Addresses.Normal(mail.Address) || !said.ContainsValue(mail.Secret))
                    {
                        people.Faults.Add((NotSentTwice, $"{row.Id} was to tell {mail.Address} its secret, and tells {row.Recipient} another"));
                    }
                    people.Mails.Add(mail);
                }
                var ended = Holdfast.Mail.Mails.Ended(row.Id, "sent", products.Clock.GetUtcNow());
                var (_, label) = await actor.RecordAsync(products, "post", _ => Decide.To(true, ended));
                actor.Ledger.Keep($"{actor.Mark} post", products.Node.Name, label, (Schema.Mails, row.Id));
                people.Sent.Add((row.Id, products.Node, products.Node.DisksLost));
            }
            return waiting.Count;
        }
        catch (StorageUnavailableException)
        {
            return 0;   // in a later round
        }
    }
}
