namespace Ote.EdgeHub.Proxy;

/// <summary>Why nobody answers a request while the node is cut off, and what would have let somebody. Pure.</summary>
internal static class Unanswered
{
    /// <summary>The words of the Status.</summary>
    /// <param name="request">What is asked for.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="isKnown">Whether it is known whose credentials it shows.</param>
    public static string Text(HubRequest request, string caller, bool isKnown)
    {
        const string CutOff = "the node is cut off from its API servers";
        if (request.Path is not { Resource: { } resource } path)
        {
            return CutOff;
        }

        var what = path.Subresource is { } subresource ? $"{resource}/{subresource}" : resource;
        return request.Method is not ("GET" or "HEAD") ? $"{CutOff}: {request.Method} of {what} is not possible until one answers"
            : !isKnown ? $"{CutOff}, and this token was not seen while one answered: nobody can say whose it is, and what it may read"
            : path.Subresource is not null ? $"{CutOff}: {what} of \"{path.Name}\" comes from one alone"
            : path.Name is { } name ? $"{CutOff}, and \"{name}\" is not among the {resource} that \"{caller}\" read or watched while one answered"
            : $"{CutOff}, and no {resource} are kept for \"{caller}\" in this form: kept is what it watched while one answered (kubectl get --watch), with the same namespace and selectors; a list of what was so at that moment is not";
    }
}
