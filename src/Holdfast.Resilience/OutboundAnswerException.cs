namespace Holdfast.Resilience;

/// <summary>The far side answered, but not with what can be used. Not an outage: its breaker stays closed.</summary>
/// <param name="status">The HTTP status, where that is the fault; else null.</param>
public sealed class OutboundAnswerException(OutboundFault fault, int? status = null)
    : Exception(fault switch
    {
        OutboundFault.Status => $"The address answered with status {status}.",
        OutboundFault.TooLarge => "The answer is larger than allowed.",
        OutboundFault.TooManyRedirects => "The address redirects too often.",
        OutboundFault.Redirect => "The address redirects, which is not followed here.",
        _ => "The answer cannot be used.",
    })
{
    public OutboundFault Fault { get; } = fault;

    public int? Status { get; } = status;
}

public enum OutboundFault
{
    /// <summary>Neither a success nor an outage (5xx) nor a redirect.</summary>
    Status,
    TooLarge,
    TooManyRedirects,

    /// <summary>A redirect without a usable target, or one in answer to a request that carried a credential.</summary>
    Redirect,
}
