using System.Collections.Concurrent;
using k8s.Models;
using KlosetWorker.Contract;

namespace KlosetOperator.Jobs;

/// <summary>
/// What of Jobs and pods stays in the caches: what <see cref="JobViews"/> reads. A fleet has one of each for every object, and whole they
/// would be most of the operator's memory.
/// </summary>
internal static class CachedJobs
{
    /// <summary>What is kept of a Job's spec differs by little, and nobody changes what is cached: one for all that are alike.</summary>
    private static readonly ConcurrentDictionary<(bool? Suspend, string? Image), V1JobSpec> Specs = new();

    public static V1Job Of(V1Job job)
    {
        var container = job.Spec?.Template?.Spec?.Containers?.FirstOrDefault(container => container.Name == JobBuilder.Container);
        job.Spec = Specs.GetOrAdd((job.Spec?.Suspend, container?.Image), static what => new V1JobSpec
        {
            Suspend = what.Suspend,
            Template = new V1PodTemplateSpec { Spec = new V1PodSpec { Containers = what.Image is null ? [] : [new V1Container { Name = JobBuilder.Container, Image = what.Image }] } },
        });
        return job;
    }

    public static V1Pod Of(V1Pod pod)
    {
        pod.Spec = null;
        pod.Metadata.Annotations?.Remove(RunFile.AnnotationName);
        pod.Metadata.Labels = null;
        if (pod.Status is { } status)
        {
            pod.Status = new V1PodStatus
            {
                Phase = status.Phase,
                Reason = status.Reason,
                Conditions = status.Conditions,
                ContainerStatuses = status.ContainerStatuses?
                    .Where(container => container.Name == JobBuilder.Container)
                    .Select(container => new V1ContainerStatus { Name = container.Name, State = container.State })
                    .ToList(),
            };
        }

        return pod;
    }
}
