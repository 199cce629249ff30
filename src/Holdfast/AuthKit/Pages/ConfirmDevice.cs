using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Asks somebody who has signed in whether a device may be signed in as them. Only the node that the device asked takes the answer.</summary>
internal sealed class ConfirmDevice(Database database, Acts acts, DeviceCodes devices, ToApplication toApplication, Visits visits) : Step
{
    public const string Path = "/device/confirm";

    public override IResult Show(Visit visit) => toApplication.Pending(visit.Flow, PendingAuthentication.Device) is null || visit.Flow.Device is not { } device
        ? visit.GoOn(AskAddress.Path, visit.Flow)
        : visit.Page<DevicePage>((nameof(DevicePage.UserCode), DeviceCodes.Show(device.UserCode)));

    public override async Task<IResult> TakeAsync(Visit visit)
    {
        if (toApplication.Pending(visit.Flow, PendingAuthentication.Device) is not { } pending || visit.Flow.Device is not { } device)
        {
            return visit.GoOn(AskAddress.Path, visit.Flow);
        }
        if (await visits.SendOnAsync(visit, device.Authority) is { } elsewhere)
        {
            return elsewhere;
        }
        if (visit["answer"] is not ("yes" or "no") || devices.FindById(device.RequestId) is not { } waiting)
        {
            return visit["answer"] is "yes" or "no" ? visit.Message("device.expired", "device.expired_advice") : Show(visit);
        }
        var who = visit["answer"] == "yes" ? pending.Who : null;
        var act = acts.Of(visit.Flow.EnvironmentId);
        if (pending.ExpiresAt <= act.Time)
        {
            return visits.AgainFrom(visit.Http, visit.Flow, "notice.expired");
        }
        var isTaken = await database.RecordAsync(visit.Http, view => DeviceAnswer.Give(view, acts.Of(visit.Flow.EnvironmentId), waiting, who, pending.Method));
        visits.Finish(visit.Http, visit.Flow);
        return !isTaken ? visit.Message("device.done", "device.done_lead")
            : who is null ? visit.Message("device.refused", "device.refused_lead")
            : visit.Message("device.allowed", "device.allowed_lead");
    }
}
