using System.Net;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Peers;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Asks somebody who has signed in whether a device may be signed in as them, and says what there is to know of it. Only the node that the device asked takes the answer.</summary>
internal sealed class ConfirmDevice(Database database, Acts acts, EnvironmentStore environments, Branding branding, ToApplication toApplication, Visits visits, ForwardToAuthority authority) : Step
{
    public const string Path = "/device/confirm";

    public override IResult Show(Visit visit) => toApplication.Pending(visit.Flow, PendingAuthentication.Device) is null || visit.Flow.Device is not { } device
        ? visit.GoOn(AskAddress.Path, visit.Flow)
        : visit.Page<DevicePage>(Parameters(visit, device));

    public override async Task<IResult> TakeAsync(Visit visit)
    {
        if (toApplication.Pending(visit.Flow, PendingAuthentication.Device) is not { } pending || visit.Flow.Device is not { } device)
        {
            return visit.GoOn(AskAddress.Path, visit.Flow);
        }
        if (visit["answer"] is not ("yes" or "no"))
        {
            return Show(visit);
        }
        if (device.Authority != database.Incarnation)
        {
            switch (await authority.TryAsync(visit.Http, device.Authority, ForwardToAuthority.SignInBudget))
            {
                case Forwarded.Answered:
                    return Results.Empty;
                case Forwarded.Void:
                    return visit.Message("device.expired", "device.expired_advice");
                default:   // their answer may have been taken there, and then it stays; to give it again is safe
                    return visit.Away<DevicePage>(new Fault("answer", visit.Texts["device.away"]), Parameters(visit, device));
            }
        }
        var who = visit["answer"] == "yes" ? pending.Who : null;
        if (pending.ExpiresAt <= acts.Of(visit.Flow.EnvironmentId).Time)
        {
            return visits.AgainFrom(visit.Http, visit.Flow, "notice.expired");
        }
        var refused = await database.RecordAsync(visit.Http, view => DeviceAnswer.Give(view, acts.Of(visit.Flow.EnvironmentId), device.RequestId, who, pending.Method));
        if (refused is not (null or Refusal.ItemSpent))
        {
            return visit.Message("device.expired", "device.expired_advice");
        }
        visits.Finish(visit.Http, visit.Flow);
        return refused is not null ? visit.Message("device.done", "device.done_lead")
            : who is null ? visit.Message("device.refused", "device.refused_lead")
            : visit.Message("device.allowed", "device.allowed_lead");
    }

    /// <summary>What the page shows. Nothing that the device says of itself: those would be the words of whoever wants a yes.</summary>
    private IEnumerable<(string, object?)> Parameters(Visit visit, HostedDevice device) =>
    [
        (nameof(DevicePage.UserCode), DeviceCodes.Show(device.UserCode)), (nameof(DevicePage.AskedFrom), device.AskedFrom),
        (nameof(DevicePage.IsSameNetwork), IPAddress.TryParse(device.AskedFrom, out var from) && HostedLimits.PlaceOf(from) == HostedLimits.PlaceOf(visit.Http)),
        (nameof(DevicePage.Application), branding.Of(visit.Flow.EnvironmentId, null).Name ?? environments.NameOf(visit.Flow.EnvironmentId)),
    ];
}
