using k8s;
using k8s.Models;

namespace KlosetOperator.Runtime.Events;

/// <summary>Tells people what happened to an object, by the Events that <c>kubectl describe</c> shows.</summary>
public interface IEventRecorder
{
    /// <summary>
    /// Records without waiting and without failing. Equal events (same object, reason, action and type) become a
    /// series; more than a burst of 25 about one object is dropped down to one every five minutes.
    /// </summary>
    /// <param name="reason">CamelCase, at most 128 characters; an API that people match on.</param>
    /// <param name="action">What was done or tried, CamelCase, at most 128 characters.</param>
    /// <param name="note">For people; cut to 1,024 bytes.</param>
    /// <param name="related">Another object that had a part in it, such as the Job.</param>
    void Record(
        IKubernetesObject<V1ObjectMeta> regarding,
        EventKind kind,
        string reason,
        string action,
        string note,
        IKubernetesObject<V1ObjectMeta>? related = null);
}

public enum EventKind
{
    Normal,
    Warning,
}
