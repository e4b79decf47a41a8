using Ote.Kube.Objects;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;

namespace Ote.Kube.Server.Admission;

/// <summary>
/// Refuses to delete the <c>Cluster</c> of one that is online: its controller would have it written anew at once, and who deleted it would believe that it was shut out. The controller itself
/// deletes what was forgotten above or has no route any more, whatever was last written of it.
/// </summary>
internal sealed class OnlineClusters : IAdmission
{
    private static readonly string Keeper = UserInfo.Component("cluster-controller").Name;

    public AdmissionVerdict Decide(AdmissionRequest request)
    {
        if (request is not { Group: "ote.baidu.com", Kind: "Cluster", Verb: "delete", Old: { } old } || old.Text("status", "status") != "online" || request.User.Name == Keeper)
        {
            return AdmissionVerdict.Allow;
        }

        var name = old.Name();
        var why = $"it is online, and would be back at once: to forget it, stop its controller and delete it when it is offline; to shut it out, run otectl revoke {name}";
        return AdmissionVerdict.Deny(why) with { Refusal = new ApiError(409, "Conflict", $"Operation cannot be fulfilled on clusters.ote.baidu.com \"{name}\": {why}") };
    }
}
