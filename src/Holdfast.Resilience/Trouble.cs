using System.Net.Sockets;

namespace Holdfast.Resilience;

/// <summary>The words for how a dependency fails. They stand in health answers and incidents, so they are never renamed.</summary>
public static class Trouble
{
    /// <summary>It turns connections away.</summary>
    public const string Refuses = "refuses";

    /// <summary>It accepts the call and does not answer in time.</summary>
    public const string Hangs = "hangs";

    /// <summary>It answers that it cannot, or breaks off.</summary>
    public const string Errors = "errors";

    /// <summary>No address for its name.</summary>
    public const string Unresolved = "unresolved";

    /// <summary>An address that a tenant chose, and that was not reached; deliberately no more precise than that.</summary>
    public const string Unreachable = "unreachable";

    /// <summary>Too many calls are under way already.</summary>
    public const string Full = "full";

    /// <summary>The word for an exception, looking through its inner exceptions.</summary>
    public static string Of(Exception failure)
    {
        for (var e = failure; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case OutageException outage:
                    return outage.How;
                case SocketException { SocketErrorCode: SocketError.ConnectionRefused }:
                    return Refuses;
                case SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain }:
                case HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError }:
                    return Unresolved;
                case TimeoutException or OperationCanceledException or SocketException { SocketErrorCode: SocketError.TimedOut }:
                    return Hangs;
            }
        }
        return Errors;
    }
}
