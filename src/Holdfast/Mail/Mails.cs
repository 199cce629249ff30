using System.Text.Json;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Mail;

/// <summary>A mail that a decision wants.</summary>
/// <param name="To">An address.</param>
/// <param name="About">The id of what it speaks of. A deny against it, such as the revocation of an invitation, keeps the mail back.</param>
/// <param name="Locale">The person's language; null for English. One that there is no text in is English, too.</param>
/// <param name="GoodUntil">After that it is not sent: the code in it has expired.</param>
/// <param name="Values">What stands in its text, by name. Secrets may: they are sealed at rest.</param>
internal sealed record WantedMail(MailKind Kind, string To, string About, string? Locale, DateTimeOffset GoodUntil, IReadOnlyDictionary<string, string> Values)
{
    /// <summary>Tells apart several mails of one kind about one thing: a second sending.</summary>
    public string Occasion { get; init; } = "";
}

/// <summary>Every statement on mail. That one is wanted is a fact, written in the decision that wants it (decision 0017); <see cref="SendMails"/> does the rest.</summary>
internal sealed class Mails(ClusterKeys keys)
{
    /// <summary>How long a row is kept after its mail is of no use: administrators ask what became of one.</summary>
    private static readonly TimeSpan Kept = TimeSpan.FromDays(1);

    private const string Columns =
        "id AS Id, environment_id AS EnvironmentId, authority AS Authority, kind AS Kind, recipient AS Recipient, locale AS Locale, values_sealed AS ValuesSealed, "
        + "created_at AS CreatedAt, send_before AS SendBefore";

    /// <summary>What a decision adds to its changes for a mail: its row; nothing when the environment sends no mail of this kind. The same wish again is the same row.</summary>
    /// <param name="authority">The incarnation that decides.</param>
    /// <param name="setting">The switch to be asked; null for that of the kind.</param>
    public IReadOnlyList<Change> Want(View view, string environmentId, string authority, byte[] idKey, DateTimeOffset now, WantedMail wanted, string? setting = null)
    {
        if (!MailSettings.Of(view, environmentId).Sends(setting ?? wanted.Kind.Name))
        {
            return [];
        }
        var id = Ids.Derived(Ids.Mail, idKey, wanted.Kind.Name, wanted.About, wanted.Occasion);
        var until = now + wanted.Kind.MostAge is var most && most < wanted.GoodUntil ? most : wanted.GoodUntil;
        return
        [
            Change.To(Schema.Mails, id,
                ("environment_id", environmentId), ("authority", authority), ("kind", wanted.Kind.Name), ("recipient", wanted.To), ("locale", wanted.Locale), ("about", wanted.About),
                ("values_sealed", keys.SealAtRest(PlaceOf(id), JsonSerializer.SerializeToUtf8Bytes(wanted.Values))), ("created_at", now.ToUnixTimeMilliseconds()),
                ("send_before", until.ToUnixTimeMilliseconds()), ("expires_at", (until + Kept).ToUnixTimeMilliseconds())),
        ];
    }

    /// <summary>What stands in a mail's text.</summary>
    public Dictionary<string, string> ValuesOf(MailRow row) => JsonSerializer.Deserialize<Dictionary<string, string>>(keys.OpenAtRest(PlaceOf(row.Id), row.ValuesSealed))!;

    /// <summary>Mail that waits and is of use still. Of one environment's many the oldest come first, and by turns with those of the others: so nobody's thousand invitations
    /// stand before somebody else's code.</summary>
    public static List<MailRow> Waiting(View view, DateTimeOffset now, int most) => view.Query<MailRow>(
        $"SELECT {Columns} FROM (SELECT mails.*, row_number() OVER (PARTITION BY environment_id ORDER BY created_at, id) AS turn FROM mails "
        + $"WHERE outcome IS NULL AND send_before > @now AND {Denied.Not("mails.about")}) waiting ORDER BY turn, created_at, id LIMIT @most",
        new { now = now.ToUnixTimeMilliseconds(), most });

    /// <summary>The latest mail of the whole node, sent or not, the newest first: for the inbox of <c>dev</c>.</summary>
    public static List<MailRow> Latest(View view, int most) => view.Query<MailRow>($"SELECT {Columns} FROM mails WHERE made_stamp <> '' ORDER BY created_at DESC, id DESC LIMIT @most", new { most });

    /// <summary>What became of one.</summary>
    public static Change Ended(string id, string outcome, DateTimeOffset now) => Change.To(Schema.Mails, id, ("outcome", outcome), ("ended_at", now.ToUnixTimeMilliseconds()));

    private static string PlaceOf(string id) => $"mails/{id}/values";
}

/// <summary>A mail as it is stored.</summary>
/// <param name="Authority">The incarnation that wanted it, and sends it.</param>
internal sealed record MailRow(
    string Id, string EnvironmentId, string Authority, string Kind, string Recipient, string? Locale, string ValuesSealed, long CreatedAt, long SendBefore);
