using System.Net.Sockets;
using Holdfast.Resilience;
using Npgsql;

namespace Holdfast.Storage.Primary.Postgres;

/// <summary>What the server or the driver says, as an outage of the primary; in our words, because theirs may hold names and values.</summary>
internal static class PostgresFaults
{
    /// <summary>The outage; null when it is a mistake of ours.</summary>
    /// <param name="mayBeKept">Whether COMMIT was on its way: then nobody knows.</param>
    public static PrimaryUnavailableException? Of(Exception fault, bool mayBeKept)
    {
        var all = Flat(fault).ToList();
        var said = all.OfType<PostgresException>().FirstOrDefault(p => p.SqlState.StartsWith("28", StringComparison.Ordinal)) ?? all.OfType<PostgresException>().FirstOrDefault();
        if (said is not null)
        {
            mayBeKept &= said.InvariantSeverity != "ERROR";   // then the transaction is undone
            return Describe(said.SqlState) is var (why, text) ? new PrimaryUnavailableException(why, text + (mayBeKept ? Unknown : ""), fault) : null;
        }
        if (all.OfType<OutageException>().FirstOrDefault() is { How: Trouble.Refuses } standby)
        {
            return new PrimaryUnavailableException(PrimaryFault.Unreachable, $"The primary database takes no writes: {(all.Count(e => e is OutageException) > 1 ? "all its servers are" : "what answers is")} a standby.", standby);
        }
        if (all.Exists(e => e is SocketException { SocketErrorCode: SocketError.ConnectionRefused }))
        {
            return new PrimaryUnavailableException(PrimaryFault.Unreachable, "The primary database turns connections away." + (mayBeKept ? Unknown : ""), fault);
        }
        return all.Exists(e => e is NpgsqlException or SocketException or IOException or TimeoutException or OperationCanceledException or DependencyUnavailableException or ObjectDisposedException)
            ? new PrimaryUnavailableException(PrimaryFault.Unreachable, "The primary database does not answer." + (mayBeKept ? Unknown : ""), fault)
            : null;
    }

    /// <summary>A table or column of ours is not there: the database is empty, or was put in another's place.</summary>
    public static bool IsNotOurs(Exception fault) =>
        fault is PostgresException { SqlState: PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn or PostgresErrorCodes.InvalidSchemaName };

    private const string Unknown = " Whether it kept the change is unknown.";

    private static (PrimaryFault Why, string Text)? Describe(string state) => state switch
    {
        ['2', '8', ..] => (PrimaryFault.Unreadable, "The primary database refuses this node's user name or password."),
        PostgresErrorCodes.InvalidCatalogName => (PrimaryFault.Unreadable, "The server of the primary has no database of that name."),
        PostgresErrorCodes.InsufficientPrivilege => (PrimaryFault.Unreadable, "This node's user may not read and write the primary database."),
        PostgresErrorCodes.LockNotAvailable => (PrimaryFault.Unreachable, "The primary database is locked: another transaction holds its log. Nothing was written."),
        PostgresErrorCodes.ReadOnlySqlTransaction or PostgresErrorCodes.FeatureNotSupported => (PrimaryFault.Unreachable, "The primary database takes no writes: what answers is a standby."),
        ['5', '3', ..] => (PrimaryFault.Unreachable, "The primary database is short of connections, memory or disk."),
        ['0', '8', ..] or ['5', '7', ..] or ['4', '0', ..] or ['2', '5', ..] or ['5', '8', ..] => (PrimaryFault.Unreachable, "The primary database broke off, or is stopping or starting."),
        ['X', 'X', '0', '0', '1' or '2'] => (PrimaryFault.Damaged, "The primary database is damaged: its server says so. Nothing is written into it until it is restored."),
        _ => null,
    };

    private static IEnumerable<Exception> Flat(Exception fault)
    {
        yield return fault;
        IEnumerable<Exception> inner = fault is AggregateException many ? many.InnerExceptions : fault.InnerException is { } one ? [one] : [];
        foreach (var below in inner.SelectMany(Flat))
        {
            yield return below;
        }
    }
}
