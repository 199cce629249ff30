using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Asks somebody who has signed in whether a device may be signed in as them. Only the node that the device asked takes the answer.</summary>
internal sealed class ConfirmDevice(Database database, ClusterKeys keys, Acts acts, DeviceCodes devices, Visits visits) : Step
{
    public const string Path = "/device/confirm";

    public override IResult Show(Visit visit) => Read(visit) is null || visit.Flow.Device is not { } device
        ? visit.GoOn(AskAddress.Path, visit.Flow)
        : visit.Page<DevicePage>((nameof(DevicePage.UserCode), DeviceCodes.Show(device.UserCode)));

    public override async Task<IResult> TakeAsync(Visit visit)
    {
        if (Read(visit) is not { } pending || visit.Flow.Device is not { } device)
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
        var who = visit["answer"] == "yes" ? new SignedIn(pending.UserId, pending.CredentialId, visit.Flow.OrganizationId) : null;
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

    /// <summary>Who has proven who they are in this flow; the flow is the browser's alone, and what they answer is taken once.</summary>
    private PendingAuthentication? Read(Visit visit) =>
        visit.Flow.Pending is { } token && PendingAuthentication.Open(keys, visit.Flow.EnvironmentId, token) is { EmailVerificationId: null } pending ? pending : null;
}
